//! The program `mail-catcher`: runs the catcher until SIGTERM or SIGINT.

use mail_catcher::{Config, MailCatcher};
use runtime::{HealthCheck, StartError};
use std::process::ExitCode;

fn main() -> ExitCode {
    let health = HealthCheck {
        address: |config: &Config| config.http_addr,
        path: "/livez",
    };
    runtime::run(runtime::program!(), health, async |config: Config, stop| {
        let failed = |error| StartError::Other(Box::new(error));
        let catcher = MailCatcher::bind(&config).await.map_err(failed)?;
        // Nothing to drain: an acknowledged mail is on disk, and the sender repeats one that is not acknowledged.
        let ended = stop.run_until_cancelled(catcher.run()).await;
        ended.unwrap_or(Ok(())).map_err(failed)
    })
}
