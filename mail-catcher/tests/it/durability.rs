use crate::support::{Folder, Running, get, send};
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

/// The built program as a child process on ports of its own, killed on drop.
struct Program {
    child: Child,
    smtp: SocketAddr,
    http: SocketAddr,
}

impl Program {
    /// Starts it, and learns its addresses from the log line of the start.
    fn start(folder: &Folder) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mail-catcher"))
            .env("SMTP_ADDR", "127.0.0.1:0")
            .env("HTTP_ADDR", "127.0.0.1:0")
            .env("MAIL_DIR", folder.mails())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stdout.take().unwrap());
        let started: serde_json::Value = log
            .lines()
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .find(|line: &serde_json::Value| line["smtp"].is_string())
            .expect("the program ended before it listened");
        let address = |name: &str| started[name].as_str().unwrap().parse().unwrap();
        Self {
            smtp: address("smtp"),
            http: address("http"),
            child,
        }
    }

    /// Sends SIGKILL, so that no cleanup of the program runs.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn an_acknowledged_mail_survives_sigkill() {
    let folder = Folder::new();
    let mut program = Program::start(&folder);
    for count in 0..3 {
        send(program.smtp, "a@example.com", &format!("mail-{count}"), "text")
            .await
            .unwrap();
    }
    program.kill();
    // The file that a kill in the middle of a mail leaves behind.
    std::fs::write(folder.mails().join("20260101T000000.000000Z-000000.tmp"), "half").unwrap();

    let program = Program::start(&folder);
    let (_, body) = get(program.http, "/api/mails").await;
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
