//! The mails that went out: one file for each, the envelope's two lines first, then the mail as it came.

use crate::checker::CheckError;
use std::{fs, io, path::Path};

/// A mail as its recipient's server got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::checker) struct Mail {
    pub(in crate::checker) file: String,
    /// The envelope's recipients, lower-case.
    pub(in crate::checker) to: Vec<String>,
    /// Without the angle brackets; empty where there is none.
    pub(in crate::checker) message_id: String,
}

/// Reads the folder. A file without its last name, `.eml`, is not whole and was never acknowledged.
pub(super) fn read(folder: &Path) -> Result<Vec<Mail>, CheckError> {
    let file = |source| CheckError::File {
        path: folder.to_owned(),
        source,
    };
    let mut mails = Vec::new();
    for entry in fs::read_dir(folder).map_err(file)? {
        let path = entry.map_err(file)?.path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            mails.push(read_one(&path).map_err(file)?);
        }
    }
    Ok(mails)
}

fn read_one(path: &Path) -> io::Result<Mail> {
    let bytes = fs::read(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(parse(name, &String::from_utf8_lossy(&bytes)))
}

fn parse(file: String, text: &str) -> Mail {
    let head = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
    let header = |name: &str| {
        let of_line = |line: &str| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        head.split("\r\n").find_map(of_line).unwrap_or_default()
    };
    let to = header("X-Envelope-To").to_ascii_lowercase();
    Mail {
        file,
        to: to.split(',').map(|address| address.trim().to_owned()).collect(),
        message_id: header("Message-ID").trim_matches(['<', '>']).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_envelope_and_message_id() {
        let text = "X-Envelope-To: A@example.com, b@example.com\r\nX-Envelope-From: s@example.com\r\n\
                    Message-ID:\r\n <7@platform.local>\r\nSubject: Hello\r\n\r\nMessage-ID: <8@platform.local>\r\n";
        let mail = parse("1.eml".to_owned(), text);
        assert_eq!(mail.to, ["a@example.com", "b@example.com"]);
        assert_eq!(mail.message_id, "7@platform.local");
    }
}
