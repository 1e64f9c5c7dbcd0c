//! The program `analytics-service`; the library describes it.

fn main() -> std::process::ExitCode {
    analytics_service::main()
}
