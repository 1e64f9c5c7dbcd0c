//! The program `notification-service`; the library describes it.

fn main() -> std::process::ExitCode {
    notification_service::main()
}
