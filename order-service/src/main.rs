//! order-service.

use order_service::{Config, MIGRATOR, assemble};
use std::process::ExitCode;

fn main() -> ExitCode {
    shared::service::main("order-service", &MIGRATOR, Config::from_env, assemble)
}
