//! The SMTP client.
//!
//! A mail server may accept a mail although its answer is lost; the mail is then sent again. So a mail arrives at least once,
//! and every copy has the same Message-ID and Date, by which mail programs recognise a copy.

use crate::{config::SmtpServer, connections::Connections, smtp, store::Mail};
use kernel::chain;
use lettre::{
    Address, Message,
    message::{Mailbox, header::ContentType},
};
use messaging::Failure;
use std::time::Duration;
use tokio::time::timeout;

/// Limit on one mail, from connecting to QUIT.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the mail server, with the sender of its mails.
#[derive(Debug, Clone)]
pub(crate) struct Mailer {
    connections: Connections,
    from: Mailbox,
}

/// The definite outcome of a mail.
#[derive(Debug)]
pub(crate) enum Outcome {
    Sent,
    /// Rejected permanently, with the reason.
    Rejected(String),
}

impl Mailer {
    pub(crate) fn new(server: &SmtpServer, from: Mailbox) -> Self {
        Self {
            connections: Connections::new(server),
            from,
        }
    }

    /// Returns its connections.
    pub(crate) fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// Sends a mail. A failure means that the outcome is unknown, or that the server may take it later.
    pub(crate) async fn send(&self, mail: &Mail) -> Result<Outcome, Failure> {
        let message = match self.compose(mail) {
            Ok(message) => message,
            Err(error) => return Ok(Outcome::Rejected(format!("the mail cannot be composed: {error}"))),
        };
        let Ok(reply) = timeout(TIMEOUT, smtp::deliver(&self.connections, &message)).await else {
            return Err(Failure::transient(format!("mail server: no answer within {TIMEOUT:?}")));
        };
        match reply {
            Ok(()) => Ok(Outcome::Sent),
            Err(not_taken) if not_taken.is_final() => Ok(Outcome::Rejected(chain(&not_taken))),
            Err(not_taken) => Err(Failure::transient(chain(&not_taken))),
        }
    }

    fn compose(&self, mail: &Mail) -> Result<Message, Box<dyn std::error::Error + Send + Sync>> {
        let to: Address = mail.email.parse()?;
        let message = Message::builder()
            .message_id(Some(format!("<{}@platform.local>", mail.event_id)))
            .date(mail.created_at.into())
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&mail.title)
            .header(ContentType::TEXT_PLAIN)
            .body(format!("Hello {},\n\n{}\n", mail.name, mail.body))?;
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(email: &str) -> Mail {
        Mail {
            event_id: uuid::Uuid::from_u128(7),
            email: email.to_owned(),
            name: "Zoë\r\nBcc: all@example.com".to_owned(),
            title: "A title".to_owned(),
            body: "A text.".to_owned(),
            created_at: chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        }
    }

    #[test]
    fn every_copy_of_a_mail_is_identical_and_has_no_injected_header() {
        let server = SmtpServer {
            host: "localhost".to_owned(),
            port: 25,
        };
        let mailer = Mailer::new(&server, "Shop <shop@example.com>".parse().unwrap());
        let first = mailer.compose(&mail("a@example.com")).unwrap().formatted();
        let second = mailer.compose(&mail("a@example.com")).unwrap().formatted();
        assert_eq!(first, second);
        let text = String::from_utf8(first).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains("Message-ID: <00000000-0000-0000-0000-000000000007@platform.local>"),
            "{head}"
        );
        assert!(head.contains("Date: Fri, 15 Jan 2027 08:00:00 +0000"), "{head}");
        assert!(!head.contains("Bcc"), "{head}");
        assert!(mailer.compose(&mail("not an address")).is_err());
    }
}
