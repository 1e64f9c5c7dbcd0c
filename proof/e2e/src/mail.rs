//! The mails that really went out, as the mail catcher shows them.

use crate::{answer::Answer, platform::Platform, trouble::Trouble};
use reqwest::{Method, StatusCode};
use serde::Deserialize;

/// One mail.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// Its subject line.
    pub subject: String,
    /// Its Message-ID; the same mail sent twice has the same.
    pub message_id: String,
}

/// The mails to one address, newest first.
pub async fn to(platform: &Platform, address: &str) -> Result<Vec<Mail>, Trouble> {
    let request = platform
        .request_to(&platform.mail, Method::GET, "/api/mails")
        .query(&[("to", address)]);
    Answer::patiently("reading mail", request)
        .await?
        .expect(StatusCode::OK)?
        .json()
}
