//! The dialogue with the mail server about one mail, command by command: the reply alone does not tell whether it is about
//! the recipient, the command that it answers does.

use crate::connections::{Connection, Connections};
use lettre::{
    Message,
    transport::smtp::{
        Error as SmtpError,
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Rcpt},
        extension::{Extension, MailBodyParameter, MailParameter},
    },
};
use std::{error::Error, time::Duration};
use tokio::time::timeout;

/// Limit on the first answer over an idle connection, after which a new one is tried.
const REUSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Replies that demand authentication, an operator's matter that says nothing about the mail.
const AUTHENTICATION_REPLIES: [u16; 4] = [530, 534, 535, 538];
/// Enhanced status codes (RFC 3463) about the mail system and about policy: a full disk, a block list, a denied relay.
const NOT_ABOUT_THE_RECIPIENT: [&str; 2] = ["5.3.", "5.7."];

/// A mail that the server has not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// The dialogue ended before the recipient was named: whatever the reply, it is about the server or the sender.
    #[error("mail server, before the recipient was named")]
    BeforeRecipient(#[source] SmtpError),
    /// The dialogue ended at or after the recipient.
    #[error("mail server")]
    Recipient(#[source] SmtpError),
}

impl NotTaken {
    /// Returns true if the server will never take this mail for this recipient.
    pub(crate) fn is_final(&self) -> bool {
        let Self::Recipient(error) = self else {
            return false;
        };
        let code = error.status().map(u16::from);
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        error.is_permanent()
            && !code.is_some_and(|code| AUTHENTICATION_REPLIES.contains(&code))
            && !NOT_ABOUT_THE_RECIPIENT.iter().any(|class| text.starts_with(class))
    }
}

/// Sends one mail, over an idle connection if there is one.
pub(crate) async fn deliver(connections: &Connections, message: &Message) -> Result<(), NotTaken> {
    let text = message.formatted();
    let mut connection = begin(connections, message, &text).await?;
    match go_on(&mut connection.smtp, message, &text).await {
        Ok(()) => {
            connections.keep(connection).await;
            Ok(())
        }
        Err(error) => {
            connection.close().await;
            Err(NotTaken::Recipient(error))
        }
    }
}

/// Names the sender. Whatever an idle connection answers but yes, a new one is asked: the server may have closed it, or be
/// tired of it.
async fn begin(connections: &Connections, message: &Message, text: &[u8]) -> Result<Connection, NotTaken> {
    if let Some(mut connection) = connections.idle() {
        if let Ok(Ok(())) = timeout(REUSE_TIMEOUT, name_sender(&mut connection.smtp, message, text)).await {
            return Ok(connection);
        }
        connection.close().await;
    }
    let mut connection = connections.open().await.map_err(NotTaken::BeforeRecipient)?;
    match name_sender(&mut connection.smtp, message, text).await {
        Ok(()) => Ok(connection),
        Err(error) => {
            connection.close().await;
            Err(NotTaken::BeforeRecipient(error))
        }
    }
}

async fn name_sender(smtp: &mut AsyncSmtpConnection, message: &Message, text: &[u8]) -> Result<(), SmtpError> {
    let parameters = parameters(smtp, message, text);
    let from = Mail::new(message.envelope().from().cloned(), parameters);
    smtp.command(from).await.map(drop)
}

async fn go_on(smtp: &mut AsyncSmtpConnection, message: &Message, text: &[u8]) -> Result<(), SmtpError> {
    for recipient in message.envelope().to() {
        smtp.command(Rcpt::new(recipient.clone(), Vec::new())).await?;
    }
    smtp.command(Data).await?;
    smtp.message(text).await.map(drop)
}

/// Returns the extensions that the mail needs, where the server has them; without them the server decides.
fn parameters(connection: &AsyncSmtpConnection, message: &Message, text: &[u8]) -> Vec<MailParameter> {
    let mut parameters = Vec::new();
    let server = connection.server_info();
    let mut recipients = message.envelope().to().iter();
    if recipients.any(|to| !to.to_string().is_ascii()) && server.supports_feature(Extension::SmtpUtfEight) {
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !text.is_ascii() && server.supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    parameters
}
