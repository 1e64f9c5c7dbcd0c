//! The mail server of a test.

use crate::fixture::User;
use kernel::id;
use serde_json::Value;
use std::{net::SocketAddr, path::PathBuf};
use testkit::{PATIENCE, eventually};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

/// A mail server that can be stopped, and restarted at the same address.
pub(crate) struct MailServer {
    smtp: SocketAddr,
    http: SocketAddr,
    folder: PathBuf,
    running: JoinSet<std::io::Result<()>>,
}

impl MailServer {
    pub(crate) async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("mails-{}", id::new()));
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut mails = Self {
            smtp: free,
            http: free,
            folder,
            running: JoinSet::new(),
        };
        mails.restart().await;
        mails
    }

    /// Returns the URL of the SMTP server.
    pub(crate) fn smtp_url(&self) -> String {
        format!("smtp://{}", self.smtp)
    }

    /// Accepts the next connection and sends nothing.
    pub(crate) async fn accept_without_a_reply(&mut self) {
        self.stop().await;
        let listener = TcpListener::bind(self.smtp).await.unwrap();
        self.running.spawn(async move {
            let (mut stream, _) = listener.accept().await?;
            stream.read_to_end(&mut Vec::new()).await.map(drop)
        });
    }

    /// Answers one command of each dialogue with this refusal, and the others as if all were well. The greeting answers the
    /// command `CONNECT`, and the end of the text the command `.`.
    pub(crate) async fn refuse(&mut self, command: &'static str, reply: &'static str) {
        self.stop().await;
        let listener = TcpListener::bind(self.smtp).await.unwrap();
        self.running.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await?;
                // A broken dialogue is the client's good right.
                drop(refuse_in(stream, command, reply).await);
            }
        });
    }

    /// Waits until the service has closed that connection.
    pub(crate) async fn wait_until_closed(&mut self) {
        let closed = timeout(PATIENCE, self.running.join_next()).await;
        closed
            .expect("the service closes the connection")
            .expect("a connection without a reply")
            .unwrap()
            .unwrap();
    }

    /// Closes all connections and refuses new ones.
    pub(crate) async fn stop(&mut self) {
        self.running.shutdown().await;
    }

    pub(crate) async fn restart(&mut self) {
        let config = mail_catcher::Config {
            smtp_addr: self.smtp,
            http_addr: self.http,
            mail_dir: self.folder.clone(),
            mails_max: 10_000,
        };
        let catcher = mail_catcher::MailCatcher::bind(&config).await.unwrap();
        (self.smtp, self.http) = (catcher.smtp_addr().unwrap(), catcher.http_addr().unwrap());
        self.running.spawn(catcher.run());
    }

    /// Returns all mails to this user, oldest first.
    pub(crate) async fn to(&self, user: &User) -> Vec<Value> {
        let mut stream = TcpStream::connect(self.http).await.unwrap();
        let request = format!(
            "GET /api/mails?to={} HTTP/1.1\r\nHost: mails\r\nConnection: close\r\n\r\n",
            user.email
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{response}");
        let mut mails: Vec<Value> = serde_json::from_str(body).unwrap();
        mails.reverse();
        mails
    }

    /// Returns the message ids of all mails to this user, oldest first.
    pub(crate) async fn message_ids(&self, user: &User) -> Vec<Value> {
        self.to(user)
            .await
            .into_iter()
            .map(|mail| mail["messageId"].clone())
            .collect()
    }

    /// Waits until the user has at least `count` mails.
    pub(crate) async fn wait_for(&self, count: usize, user: &User) -> Vec<Value> {
        eventually(&format!("{count} mails"), || async {
            let mails = self.to(user).await;
            (mails.len() >= count).then_some(mails)
        })
        .await
    }
}

async fn refuse_in(stream: TcpStream, refused: &str, refusal: &str) -> std::io::Result<()> {
    let mut stream = BufStream::new(stream);
    let mut command = "CONNECT".to_owned();
    let mut is_text = false;
    loop {
        if !is_text || command == "." {
            let reply = match command.as_str() {
                command if command.starts_with(refused) => refusal,
                command if command.starts_with("CONNECT") => "220 ready",
                command if command.starts_with("DATA") => "354 go on",
                command if command.starts_with("QUIT") => "221 bye",
                _ => "250 ok",
            };
            stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
            stream.flush().await?;
            is_text = reply.starts_with("354");
        }
        command.clear();
        if stream.read_line(&mut command).await? == 0 {
            return Ok(());
        }
        command.truncate(command.trim_end().len());
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
