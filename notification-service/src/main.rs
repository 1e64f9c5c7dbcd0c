//! Starts notification-service.

fn main() -> std::process::ExitCode {
    runtime::serve(
        runtime::program!(),
        &notification_service::MIGRATOR,
        notification_service::assemble,
    )
}
