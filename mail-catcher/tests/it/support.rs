//! Fixtures: a running catcher, an SMTP client and an HTTP client.

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    transport::smtp::{Error, response::Response},
};
use mail_catcher::{Config, MailCatcher};
use serde_json::Value;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// A temporary folder that is deleted on drop.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "mail-catcher-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        Self(std::env::temp_dir().join(name))
    }

    /// The mail folder: a subfolder that the catcher has to create.
    pub(crate) fn mails(&self) -> PathBuf {
        self.0.join("mails")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn config(&self) -> Config {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Config {
            smtp_addr: free,
            http_addr: free,
            mail_dir: self.mails(),
            mails_max: 1_000,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A catcher in the test's process, stopped on drop.
pub(crate) struct Running {
    pub(crate) smtp: SocketAddr,
    pub(crate) http: SocketAddr,
    _task: JoinSet<std::io::Result<()>>,
}

impl Running {
    pub(crate) async fn start(config: &Config) -> Self {
        let catcher = MailCatcher::bind(config).await.unwrap();
        let (smtp, http) = (catcher.smtp_addr().unwrap(), catcher.http_addr().unwrap());
        let mut task = JoinSet::new();
        task.spawn(catcher.run());
        Self {
            smtp,
            http,
            _task: task,
        }
    }

    pub(crate) async fn mails(&self, query: &str) -> Vec<Value> {
        let (status, body) = get(self.http, &format!("/api/mails{query}")).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

pub(crate) fn sender(smtp: SocketAddr) -> AsyncSmtpTransport<Tokio1Executor> {
    AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.ip().to_string())
        .port(smtp.port())
        .build()
}

pub(crate) async fn send(smtp: SocketAddr, to: &str, subject: &str, body: &str) -> Result<Response, Error> {
    sender(smtp).send(message(to, subject, body)).await
}

pub(crate) fn message(to: &str, subject: &str, body: &str) -> Message {
    Message::builder()
        .message_id(Some(format!("<{subject}@example.com>")))
        .from("Shop <shop@example.com>".parse().unwrap())
        .to(to.parse().unwrap())
        .subject(subject)
        .body(body.to_owned())
        .unwrap()
}

pub(crate) async fn get(http: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(http).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: catcher\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
