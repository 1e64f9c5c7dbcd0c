//! The dialogue with the mail server about one mail, command by command: the reply alone does not tell whether it is about
//! the recipient, the command that it answers does.

use crate::config::SmtpServer;
use lettre::{
    Message,
    transport::smtp::{
        Error as SmtpError,
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use std::{error::Error, time::Duration};
use tokio::time::timeout;

/// Limit on the good-bye to a server whose reply is known already.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);
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

/// Sends one mail on a connection of its own: lettre checks a pooled connection without a time limit.
pub(crate) async fn deliver(server: &SmtpServer, message: &Message) -> Result<(), NotTaken> {
    let address = (server.host.as_str(), server.port);
    let mut connection = AsyncSmtpConnection::connect_tokio1(address, None, &ClientId::default(), None, None)
        .await
        .map_err(NotTaken::BeforeRecipient)?;
    let outcome = converse(&mut connection, message).await;
    drop(timeout(QUIT_TIMEOUT, connection.abort()).await);
    outcome
}

async fn converse(connection: &mut AsyncSmtpConnection, message: &Message) -> Result<(), NotTaken> {
    let (envelope, text) = (message.envelope(), message.formatted());
    let parameters = parameters(connection, message, &text);
    let from = Mail::new(envelope.from().cloned(), parameters);
    connection.command(from).await.map_err(NotTaken::BeforeRecipient)?;
    for recipient in envelope.to() {
        let to = Rcpt::new(recipient.clone(), Vec::new());
        connection.command(to).await.map_err(NotTaken::Recipient)?;
    }
    connection.command(Data).await.map_err(NotTaken::Recipient)?;
    connection.message(&text).await.map_err(NotTaken::Recipient)?;
    Ok(())
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
