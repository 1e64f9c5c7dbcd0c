//! See the library for what this service does.

use product_service::{MIGRATOR, assemble, config::Config};

fn main() -> std::process::ExitCode {
    shared::service::main("product-service", &MIGRATOR, Config::from_env, assemble)
}
