//! The program `user-service`; the library describes it.

fn main() -> std::process::ExitCode {
    user_service::main()
}
