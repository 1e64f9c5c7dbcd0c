//! See the library for what this service does.

use payment_service::{MIGRATOR, assemble, config::Config};

fn main() -> std::process::ExitCode {
    shared::service::main("payment-service", &MIGRATOR, Config::from_env, assemble)
}
