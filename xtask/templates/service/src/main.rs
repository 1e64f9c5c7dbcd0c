//! The program `__service__`; the library describes it.

fn main() -> std::process::ExitCode {
    __crate__::main()
}
