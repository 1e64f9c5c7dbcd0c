//! The mails that went out, as the mail catcher keeps them: over HTTP a page of them, in its folder all.

use crate::{answer::Answer, error::HarnessError, platform::Platform};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Deserializer};
use std::{fs, io, path::Path};

/// A mail as the recipient's server got it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// Name of its file, without `.eml`.
    pub id: String,
    /// Recipients of the envelope, lower-case.
    #[serde(deserialize_with = "recipients")]
    pub to: Vec<String>,
    /// Subject header.
    pub subject: String,
    /// Message-ID without angle brackets, equal for repetitions of a mail; empty if absent.
    pub message_id: String,
}

/// The mails to one address, newest first.
pub async fn received_by(platform: &Platform, address: &str) -> Result<Vec<Mail>, HarnessError> {
    let base = platform.environment.get("MAIL_URL")?;
    let request = platform
        .request_to(base, Method::GET, "/api/mails")
        .query(&[("to", address)]);
    Answer::patiently(request).await?.expect_status(StatusCode::OK)?.json()
}

/// Reads the mail catcher's folder. A file without its final suffix `.eml` is incomplete and was never acknowledged.
pub fn read_folder(folder: &Path) -> Result<Vec<Mail>, HarnessError> {
    let file = |source| HarnessError::File {
        path: folder.to_owned(),
        source,
    };
    let mut mails = Vec::new();
    for entry in fs::read_dir(folder).map_err(file)? {
        let path = entry.map_err(file)?.path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            mails.push(read_file(&path).map_err(file)?);
        }
    }
    Ok(mails)
}

fn read_file(path: &Path) -> io::Result<Mail> {
    let bytes = fs::read(path)?;
    let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(parse(id, &String::from_utf8_lossy(&bytes)))
}

/// The mail catcher puts the envelope's lines before the mail's own headers.
fn parse(id: String, text: &str) -> Mail {
    let head = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
    let header = |name: &str| {
        let of_line = |line: &str| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        head.split("\r\n").find_map(of_line).unwrap_or_default()
    };
    Mail {
        id,
        to: addresses(&header("X-Envelope-To")),
        subject: header("Subject"),
        message_id: header("Message-ID").trim_matches(['<', '>']).to_owned(),
    }
}

fn recipients<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(addresses(&String::deserialize(deserializer)?))
}

fn addresses(list: &str) -> Vec<String> {
    list.split(',')
        .map(|address| address.trim().to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_yields_recipients_subject_and_message_id() {
        let text = "X-Envelope-To: A@example.com, b@example.com\r\nX-Envelope-From: s@example.com\r\n\
                    Message-ID:\r\n <7@platform.local>\r\nSubject: Hello\r\n\r\nMessage-ID: <8@platform.local>\r\n";
        let mail = parse("1".to_owned(), text);
        assert_eq!(mail.to, ["a@example.com", "b@example.com"]);
        assert_eq!(
            (mail.message_id.as_str(), mail.subject.as_str()),
            ("7@platform.local", "Hello")
        );
    }
}
