//! The program `__service__`; the library describes it.

use __crate__::{MIGRATOR, assemble, config::Config};

fn main() -> std::process::ExitCode {
    runtime::serve::<Config, _>(runtime::program!(), &MIGRATOR, assemble)
}
