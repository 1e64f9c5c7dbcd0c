//! Starts analytics-service.

use analytics_service::{Config, MIGRATOR, assemble};

fn main() -> std::process::ExitCode {
    shared::service::main("analytics-service", &MIGRATOR, Config::from_env, assemble)
}
