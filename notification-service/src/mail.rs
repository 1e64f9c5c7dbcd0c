//! Sends what is due.
//!
//! A mail server takes a mail or refuses it, and may take it without our hearing so: then it is sent again. So a mail
//! arrives at least once, and every copy has the same Message-ID and Date, by which a mail program knows it for the same.

use crate::{App, config::SmtpServer, store, store::Letter};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::Error as SmtpError,
};
use shared::{
    failpoint,
    messaging::{
        failure::Failure,
        intents::{Intent, PerformFuture},
    },
    telemetry::chain,
};
use std::time::Duration;
use tokio::time::timeout;

/// The kind of intent that stands for one mail. Its id is the notification's.
pub(crate) const KIND: &str = "mail";

/// From the connection to the farewell. Each mail has a connection of its own: lettre would ask one that it has kept whether
/// it still works, and wait for the answer without end.
const TIMEOUT: Duration = Duration::from_secs(10);
/// 530, 534, 535 and 538 want credentials: an operator's matter, which says nothing about the mail.
const WANTS_CREDENTIALS: [u16; 4] = [530, 534, 535, 538];

/// Knows the mail server and who we are to it.
#[derive(Debug, Clone)]
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// What became of a mail, once it is certain.
#[derive(Debug)]
enum Outcome {
    Sent,
    Refused(String),
}

/// Sends the mail of one notification and records the outcome together with the end of the intent.
pub(crate) fn perform<'a>(app: &'a App, intent: &'a Intent) -> PerformFuture<'a> {
    Box::pin(async move {
        // Not in the match itself, which would hold the connection while the mail is sent.
        let letter = store::pending_letter(&mut *app.database.acquire().await?, intent.id).await?;
        let outcome = match letter {
            Some(letter) => Some(app.mailer.send(&letter).await?),
            None => None,
        };
        if matches!(outcome, Some(Outcome::Sent)) {
            failpoint::crash("mail-before-commit");
        }
        let mut tx = app.database.begin(&intent.context()).await?;
        match outcome {
            Some(Outcome::Sent) => store::settle(&mut tx, intent.id, None, shared::clock::now()).await?,
            Some(Outcome::Refused(reason)) => {
                tracing::warn!(notification.id = %intent.id, reason, "a mail was refused for good");
                store::settle(&mut tx, intent.id, Some(&reason), shared::clock::now()).await?;
            }
            None => {}
        }
        if tx.finish(intent).await? {
            tx.commit().await?;
        }
        Ok(())
    })
}

impl Mailer {
    pub(crate) fn new(server: &SmtpServer, from: Mailbox) -> Self {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .build();
        Self { transport, from }
    }

    /// An error means that nobody knows, or that the server wants to be asked later.
    async fn send(&self, letter: &Letter) -> Result<Outcome, Failure> {
        let message = match self.compose(letter) {
            Ok(message) => message,
            Err(error) => return Ok(Outcome::Refused(format!("no mail can be made of it: {error}"))),
        };
        let Ok(answer) = timeout(TIMEOUT, self.transport.send(message)).await else {
            return Err(Failure::transient(format!("mail server: no answer within {TIMEOUT:?}")));
        };
        match answer {
            Ok(_) => Ok(Outcome::Sent),
            Err(error) if is_final(&error) => Ok(Outcome::Refused(error.to_string())),
            Err(error) => Err(Failure::transient(format!("mail server: {}", chain(&error)))),
        }
    }

    fn compose(&self, letter: &Letter) -> Result<Message, Box<dyn std::error::Error + Send + Sync>> {
        let to: Address = letter.email.parse()?;
        let message = Message::builder()
            .message_id(Some(format!("<{}@platform.local>", letter.event_id)))
            .date(letter.created_at.into())
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&letter.title)
            .header(ContentType::TEXT_PLAIN)
            .body(format!("Hello {},\n\n{}\n", letter.name, letter.body))?;
        Ok(message)
    }
}

fn is_final(error: &SmtpError) -> bool {
    let code = error.status().map(u16::from);
    error.is_permanent() && !code.is_some_and(|code| WANTS_CREDENTIALS.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(email: &str) -> Letter {
        Letter {
            event_id: uuid::Uuid::from_u128(7),
            email: email.to_owned(),
            name: "Zoë\r\nBcc: all@example.com".to_owned(),
            title: "A title".to_owned(),
            body: "A text.".to_owned(),
            created_at: chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        }
    }

    #[test]
    fn every_copy_of_a_mail_is_the_same_mail() {
        let server = SmtpServer {
            host: "localhost".to_owned(),
            port: 25,
        };
        let mailer = Mailer::new(&server, "Shop <shop@example.com>".parse().unwrap());
        let first = mailer.compose(&letter("a@example.com")).unwrap().formatted();
        let second = mailer.compose(&letter("a@example.com")).unwrap().formatted();
        assert_eq!(first, second);
        let text = String::from_utf8(first).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains("Message-ID: <00000000-0000-0000-0000-000000000007@platform.local>"),
            "{head}"
        );
        assert!(head.contains("Date: Fri, 15 Jan 2027 08:00:00 +0000"), "{head}");
        assert!(!head.contains("Bcc"), "{head}");
        assert!(mailer.compose(&letter("not an address")).is_err());
    }
}
