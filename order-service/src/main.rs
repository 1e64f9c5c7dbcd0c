//! The program `order-service`; the library describes it.

use order_service::{MIGRATOR, assemble, config::Config};

fn main() -> std::process::ExitCode {
    runtime::serve::<Config, _>(runtime::program!(), &MIGRATOR, assemble)
}
