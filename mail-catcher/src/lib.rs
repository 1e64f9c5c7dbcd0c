//! Takes every mail that the platform sends, keeps it as a file and shows it on a page. Nothing is ever passed on.
//!
//! [`smtp`] receives, [`store`] keeps, [`http`] shows (with [`page`] for people). A mail is acknowledged only after it is
//! on disk, so that killing the catcher loses nothing that a sender was told had arrived.

mod http;
mod page;
mod smtp;
mod store;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};
use store::Store;
use tokio::net::TcpListener;

/// Where to listen and where to keep the mails.
#[derive(Debug, Clone, clap::Parser)]
#[command(
    name = "mail-catcher",
    about = "Keeps every mail it is sent, and shows it on a page."
)]
pub struct Config {
    /// Where mail is received.
    #[arg(long, env = "SMTP_ADDR", default_value = "127.0.0.1:11025")]
    pub smtp_addr: SocketAddr,
    /// Where the page is served.
    #[arg(long, env = "HTTP_ADDR", default_value = "127.0.0.1:18025")]
    pub http_addr: SocketAddr,
    /// One `.eml` file for each mail.
    #[arg(long, env = "MAIL_DIR")]
    pub mail_dir: PathBuf,
    /// How many mails are kept; beyond that the oldest goes when a new one comes.
    #[arg(long, env = "MAILS_MAX", default_value_t = 20_000)]
    pub mails_max: usize,
}

/// A catcher whose two addresses are bound and whose folder is read.
#[derive(Debug)]
pub struct MailCatcher {
    smtp: TcpListener,
    http: TcpListener,
    store: Arc<Store>,
}

impl MailCatcher {
    /// Binds both addresses (port 0 takes a free one) and reads what the folder holds from earlier runs.
    pub async fn bind(config: &Config) -> io::Result<Self> {
        let store = Store::open(&config.mail_dir, config.mails_max)
            .map_err(|error| named(&error, "MAIL_DIR", &config.mail_dir.display()))?;
        let bind = async |name, address| {
            TcpListener::bind(address)
                .await
                .map_err(|error| named(&error, name, &address))
        };
        let smtp = bind("SMTP_ADDR", config.smtp_addr).await?;
        let http = bind("HTTP_ADDR", config.http_addr).await?;
        Ok(Self {
            smtp,
            http,
            store: Arc::new(store),
        })
    }

    /// The address that receives mail.
    pub fn smtp_addr(&self) -> io::Result<SocketAddr> {
        self.smtp.local_addr()
    }

    /// The address of the page.
    pub fn http_addr(&self) -> io::Result<SocketAddr> {
        self.http.local_addr()
    }

    /// Receives and shows until it is dropped.
    pub async fn run(self) -> io::Result<()> {
        tracing::info!(smtp = %self.smtp_addr()?, http = %self.http_addr()?, "catching mail");
        let page = axum::serve(self.http, http::routes(Arc::clone(&self.store)));
        tokio::select! {
            () = smtp::serve(self.smtp, self.store) => Ok(()),
            ended = async { page.await } => ended,
        }
    }
}

/// Binds and runs a catcher in one go.
pub async fn run(config: Config) -> io::Result<()> {
    MailCatcher::bind(&config).await?.run().await
}

fn named(error: &io::Error, variable: &str, value: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(error.kind(), format!("{variable}={value} cannot be used: {error}"))
}
