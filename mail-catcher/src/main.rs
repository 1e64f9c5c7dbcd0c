//! The program `mail-catcher`; the library describes it.

fn main() -> std::process::ExitCode {
    mail_catcher::main()
}
