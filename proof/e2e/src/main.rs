//! `make demo`: five orders with five endings, each shown with its timeline, and the mails that they caused.
//!
//! The exit code is 0 only if each order ends as it should.

mod presentation;
mod scenarios;

use platform_client::{HarnessError, platform::Platform};
use presentation::Demo;
use std::{io::Write, process::ExitCode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let outcome = run(&mut out).await;
    let written = match &outcome {
        Ok(()) => writeln!(out, "\nEvery order ended as it should."),
        Err(error) => writeln!(out, "\nThe demo failed: {error}"),
    };
    if outcome.is_ok() && written.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(out: &mut impl Write) -> Result<(), HarnessError> {
    let mut demo = Demo::start(Platform::from_env()?, out).await?;
    scenarios::succeeds(&mut demo).await?;
    scenarios::is_declined(&mut demo).await?;
    scenarios::is_out_of_stock(&mut demo).await?;
    scenarios::is_cancelled(&mut demo).await?;
    scenarios::is_delivered(&mut demo).await?;
    demo.show_mails().await?;
    demo.show_addresses()
}
