//! `make demo`: five orders with five endings, each shown with its journey and its mails.
//!
//! Ends with code 0 only if each ended as it should.

#[path = "demo/endings.rs"]
mod endings;
#[path = "demo/journey.rs"]
mod journey;

use e2e::{platform::Platform, trouble::Trouble};
use std::{io::Write, process::ExitCode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let outcome = run(&mut out).await;
    let told = match &outcome {
        Ok(()) => writeln!(out, "\nEvery order ended as it should."),
        Err(trouble) => writeln!(out, "\nThe demo went wrong: {trouble}"),
    };
    if outcome.is_ok() && told.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(out: &mut impl Write) -> Result<(), Trouble> {
    let platform = Platform::from_env()?;
    let mut stage = journey::Stage::open(&platform, out).await?;
    endings::succeeds(&mut stage).await?;
    endings::is_declined(&mut stage).await?;
    endings::is_out_of_stock(&mut stage).await?;
    endings::is_cancelled(&mut stage).await?;
    endings::is_shipped(&mut stage).await?;
    stage.show_mails().await?;
    stage.say_where_to_look();
    Ok(())
}
