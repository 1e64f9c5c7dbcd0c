use crate::support::{Folder, Running, get, send};
use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The built program as a child process, killed on drop.
struct Program(Child);

impl Program {
    async fn start(folder: &Folder, smtp: SocketAddr, http: SocketAddr) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_mail-catcher"))
            .env("SMTP_ADDR", smtp.to_string())
            .env("HTTP_ADDR", http.to_string())
            .env("MAIL_DIR", folder.mails())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let program = Self(child);
        let deadline = Instant::now() + Duration::from_secs(20);
        while tokio::net::TcpStream::connect(http).await.is_err() {
            assert!(Instant::now() < deadline, "the program does not answer");
            tokio::task::yield_now().await;
        }
        program
    }

    /// Sends SIGKILL, so that no cleanup of the program runs.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn an_acknowledged_mail_survives_sigkill() {
    let folder = Folder::new();
    let free = |listener: std::net::TcpListener| listener.local_addr().unwrap();
    let smtp = free(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let http = free(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let mut program = Program::start(&folder, smtp, http).await;
    for count in 0..3 {
        send(smtp, "a@example.com", &format!("mail-{count}"), "text")
            .await
            .unwrap();
    }
    program.kill();
    // The file that a kill in the middle of a mail leaves behind.
    std::fs::write(folder.mails().join("20260101T000000.000000Z-000000.tmp"), "half").unwrap();

    let _program = Program::start(&folder, smtp, http).await;
    let (_, body) = get(http, "/api/mails").await;
    let mails: Vec<serde_json::Value> = serde_json::from_str(&body).unwrap();
    let subjects: Vec<_> = mails.iter().map(|mail| mail["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["mail-2", "mail-1", "mail-0"]);
    assert_eq!(std::fs::read_dir(folder.mails()).unwrap().count(), 3);
}

#[tokio::test]
async fn the_oldest_mails_are_deleted_beyond_the_limit() {
    let folder = Folder::new();
    let mut config = folder.config();
    config.mails_max = 2;
    let catcher = Running::start(&config).await;
    for count in 0..4 {
        send(catcher.smtp, "a@example.com", &format!("mail-{count}"), "text")
            .await
            .unwrap();
    }
    let mails = catcher.mails("").await;
    let subjects: Vec<_> = mails.iter().map(|mail| mail["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["mail-3", "mail-2"]);
    assert_eq!(std::fs::read_dir(folder.mails()).unwrap().count(), 2);
}
