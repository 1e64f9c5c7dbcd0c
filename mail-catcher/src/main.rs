//! Starts the mail catcher with the settings of its environment and ends it on SIGTERM or Ctrl-C.

use clap::Parser;
use mail_catcher::{Config, MailCatcher};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let config = Config::parse();
    tracing_subscriber::fmt().json().init();
    let catcher = MailCatcher::bind(&config).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = catcher.run() => ended,
        // Nothing to finish: what was acknowledged is on disk, and what was not is the sender's.
        _ = terminate.recv() => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}
