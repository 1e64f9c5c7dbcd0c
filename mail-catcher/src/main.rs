//! Starts the mail catcher with the settings of its environment and ends it on SIGTERM or Ctrl-C.

use clap::Parser;
use mail_catcher::{Config, MailCatcher};
use shared::{config::Env, healthcheck};
use std::{io, process::ExitCode};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    if let Some(code) = healthcheck::requested(&Env::from_process(), "HTTP_ADDR", "/livez") {
        return Ok(code);
    }
    let config = Config::parse();
    tracing_subscriber::fmt().json().init();
    let catcher = MailCatcher::bind(&config).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = catcher.run() => ended?,
        // Nothing to finish: what was acknowledged is on disk, and what was not is the sender's.
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(ExitCode::SUCCESS)
}
