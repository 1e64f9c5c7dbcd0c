//! An SMTP server for development and tests: it stores every mail as a file, shows it on a web page and relays none.
//!
//! Local mode installs its servers from the distribution, and Debian 12 does not package mailpit or a similar catcher, so
//! the platform brings its own. The tests also rely on two properties: a mail is acknowledged only after it is on disk, so
//! that killing the catcher loses no acknowledged mail, and mail for one domain is refused, so that a permanent failure
//! can be tested.
//!
//! `smtp` receives, `store` persists, `http` serves, and `page` renders the HTML.

mod http;
mod page;
mod smtp;
mod store;

use runtime::{HealthCheck, StartError};
use std::{io, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};
use store::Store;
use tokio::net::TcpListener;

/// Addresses to listen on, and the folder of the mails.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Address of the SMTP server.
    #[arg(long, env = "SMTP_ADDR", default_value = "127.0.0.1:11025")]
    pub smtp_addr: SocketAddr,
    /// Address of the web page and the JSON API.
    #[arg(long, env = "HTTP_ADDR", default_value = "127.0.0.1:18025")]
    pub http_addr: SocketAddr,
    /// Folder with one `.eml` file per mail; created if it does not exist.
    #[arg(long, env = "MAIL_DIR")]
    pub mail_dir: PathBuf,
    /// Number of mails to keep; beyond it each new mail deletes the oldest.
    #[arg(long, env = "MAILS_MAX", default_value_t = 20_000)]
    pub mails_max: usize,
}

/// A catcher with both addresses bound and its folder read.
#[derive(Debug)]
pub struct MailCatcher {
    smtp: TcpListener,
    http: TcpListener,
    store: Arc<Store>,
}

impl MailCatcher {
    /// Binds both addresses (port 0 takes a free one) and reads the mails of earlier runs from the folder.
    pub async fn bind(config: &Config) -> io::Result<Self> {
        let store = Store::open(&config.mail_dir, config.mails_max)
            .map_err(|error| with_setting(&error, "MAIL_DIR", &config.mail_dir.display()))?;
        let bind = async |name, address| {
            TcpListener::bind(address)
                .await
                .map_err(|error| with_setting(&error, name, &address))
        };
        let smtp = bind("SMTP_ADDR", config.smtp_addr).await?;
        let http = bind("HTTP_ADDR", config.http_addr).await?;
        Ok(Self {
            smtp,
            http,
            store: Arc::new(store),
        })
    }

    /// The bound address of the SMTP server.
    pub fn smtp_addr(&self) -> io::Result<SocketAddr> {
        self.smtp.local_addr()
    }

    /// The bound address of the web page.
    pub fn http_addr(&self) -> io::Result<SocketAddr> {
        self.http.local_addr()
    }

    /// Receives mails and serves the page until the future is dropped.
    pub async fn run(self) -> io::Result<()> {
        tracing::info!(smtp = %self.smtp_addr()?, http = %self.http_addr()?, "Mail catcher started");
        let page = axum::serve(self.http, http::routes(Arc::clone(&self.store)));
        tokio::select! {
            () = smtp::serve(self.smtp, self.store) => Ok(()),
            ended = async { page.await } => ended,
        }
    }
}

/// Runs the catcher until a signal stops it.
pub fn main() -> ExitCode {
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

fn with_setting(error: &io::Error, variable: &str, value: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(error.kind(), format!("{variable}={value} cannot be used: {error}"))
}
