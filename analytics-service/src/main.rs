//! Starts analytics-service.

fn main() -> std::process::ExitCode {
    runtime::serve(
        runtime::program!(),
        &analytics_service::MIGRATOR,
        analytics_service::assemble,
    )
}
