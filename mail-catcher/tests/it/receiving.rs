use crate::support::{Folder, Running, get, message, send, sender};
use lettre::AsyncTransport;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
};

#[tokio::test]
async fn a_mail_is_shown_as_it_was_sent() {
    let folder = Folder::new();
    let catcher = Running::start(&folder.config()).await;
    // A line that is a single dot, a line that starts with a dot, and non-ASCII letters.
    let body = "Grüße,\r\n.\r\n..two dots\r\nthe end\r\n";
    send(catcher.smtp, "a@example.com", "first", body).await.unwrap();
    send(catcher.smtp, "b@example.com", "second", "other").await.unwrap();

    let mails = catcher.mails("").await;
    let subjects: Vec<_> = mails.iter().map(|mail| mail["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["second", "first"]);
    let mails = catcher.mails("?to=A@example.com").await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(
        mails[0]["body"].as_str().unwrap().replace("\r\n", "\n"),
        body.replace("\r\n", "\n")
    );
    assert_eq!(mails[0]["to"], "a@example.com");
    assert_eq!(mails[0]["from"], "shop@example.com");
    assert_eq!(mails[0]["messageId"], "first@example.com");

    let (status, page) = get(catcher.http, "/").await;
    assert!(
        status == 200 && page.contains("a@example.com") && page.contains("second"),
        "{page}"
    );
    let (status, page) = get(catcher.http, &format!("/mails/{}", mails[0]["id"].as_str().unwrap())).await;
    assert!(
        status == 200 && page.contains("Grüße") && page.contains("the end"),
        "{page}"
    );
}

#[tokio::test]
async fn a_request_cannot_read_a_file_outside_the_mail_folder() {
    let folder = Folder::new();
    let catcher = Running::start(&folder.config()).await;
    std::fs::write(folder.path().join("outside.eml"), "secret").unwrap();
    for id in ["nothing", "..%2Foutside", "%2E%2E%2Foutside"] {
        assert_eq!(get(catcher.http, &format!("/mails/{id}")).await.0, 404, "{id}");
    }
    assert_eq!(get(catcher.http, "/livez").await.0, 200);
    assert_eq!(get(catcher.http, "/api/mails?limit=many").await.0, 400);
}

#[tokio::test]
async fn concurrent_senders_and_idle_connections_do_not_block_each_other() {
    let folder = Folder::new();
    let catcher = Running::start(&folder.config()).await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(TcpStream::connect(catcher.smtp).await.unwrap());
    }
    let mut sending = JoinSet::new();
    for client in 0..20 {
        let transport = sender(catcher.smtp);
        sending.spawn(async move {
            for mail in 0..5 {
                let mail = message("a@example.com", &format!("{client}-{mail}"), "text");
                transport.send(mail).await.unwrap();
            }
        });
    }
    sending.join_all().await;
    let mails = catcher.mails("").await;
    let distinct: std::collections::BTreeSet<_> =
        mails.iter().map(|mail| mail["messageId"].as_str().unwrap()).collect();
    assert_eq!((mails.len(), distinct.len()), (100, 100));
}

#[tokio::test]
async fn mail_for_the_refused_domain_fails_permanently() {
    let folder = Folder::new();
    let catcher = Running::start(&folder.config()).await;
    let error = send(catcher.smtp, "a@refused.invalid", "one", "text")
        .await
        .unwrap_err();
    assert!(error.is_permanent(), "{error:?}");
    assert!(catcher.mails("").await.is_empty());
}

#[tokio::test]
async fn an_oversized_mail_is_refused_and_the_next_session_works() {
    let folder = Folder::new();
    let catcher = Running::start(&folder.config()).await;
    let stream = TcpStream::connect(catcher.smtp).await.unwrap();
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    assert!(lines.next_line().await.unwrap().unwrap().starts_with("220 "));
    for (command, code) in [
        ("HELO me", "250"),
        ("MAIL FROM:<a@example.com>", "250"),
        ("RCPT TO:<b@example.com>", "250"),
        ("DATA", "354"),
    ] {
        write.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        let reply = lines.next_line().await.unwrap().unwrap();
        assert!(reply.starts_with(code), "{command}: {reply}");
    }
    let line = format!("{}\r\n", "x".repeat(998)).repeat(1_000);
    for _ in 0..11 {
        write.write_all(line.as_bytes()).await.unwrap();
    }
    write.write_all(b".\r\n").await.unwrap();
    assert!(lines.next_line().await.unwrap().unwrap().starts_with("552 "));
    assert_eq!(lines.next_line().await.unwrap(), None, "the session is closed");
    send(catcher.smtp, "b@example.com", "small", "text").await.unwrap();
    assert_eq!(catcher.mails("").await.len(), 1);
}
