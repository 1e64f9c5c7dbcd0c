//! Starts notification-service.

use notification_service::{Config, MIGRATOR, assemble};

fn main() -> std::process::ExitCode {
    shared::service::main("notification-service", &MIGRATOR, Config::from_env, assemble)
}
