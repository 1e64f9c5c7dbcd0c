//! The e-mail address of a user.

use super::invalid::Invalid;
use serde::Deserialize;

/// An e-mail address: trimmed, lower-case, and of a form that mail servers accept.
///
/// Lower-casing the local part is against the letter of RFC 5321 and in line with practice: a capital letter must neither
/// allow a second registration nor make a log-in fail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Email(String);

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl TryFrom<String> for Email {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let address = text.trim().to_ascii_lowercase();
        let (local, domain) = address.split_once('@').ok_or(Invalid::Email)?;
        let good = address.len() <= 254 && is_local_part(local) && is_domain(domain);
        if good { Ok(Self(address)) } else { Err(Invalid::Email) }
    }
}

impl std::str::FromStr for Email {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.to_owned().try_into()
    }
}

/// Returns true for RFC 5321's dot-string. The quoted local parts that it also allows are not in use.
fn is_local_part(local: &str) -> bool {
    let is_atom_character = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    local.len() <= 64
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_character))
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    // Neither bare host names nor IP addresses.
    let has_top_level = domain
        .rsplit_once('.')
        .is_some_and(|(_, top)| top.len() >= 2 && !top.bytes().all(|byte| byte.is_ascii_digit()));
    has_top_level && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Result<String, Invalid> {
        text.parse::<Email>().map(String::from)
    }

    #[test]
    fn an_email_address_is_trimmed_and_in_lower_case() {
        assert_eq!(
            email("  Ada.Lovelace+Shop@Example.COM \n").unwrap(),
            "ada.lovelace+shop@example.com"
        );
        assert_eq!(
            email("o'neil@mail.example-host.co.uk").unwrap(),
            "o'neil@mail.example-host.co.uk"
        );
    }

    #[test]
    fn a_malformed_email_address_is_refused() {
        let too_long_local = format!("{}@example.com", "a".repeat(65));
        let too_long = format!("a@{}.com", "b.".repeat(130));
        let wrong = [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@example",
            "ada@@example.com",
            "a@b@example.com",
            "ada @example.com",
            "ada..l@example.com",
            ".ada@example.com",
            "ada.@example.com",
            "ada@-example.com",
            "ada@example-.com",
            "ada@example..com",
            "ada@example.com.",
            "ada@127.0.0.1",
            "ada@example.c",
            "ada@exa_mple.com",
            "ädä@example.com",
            "ada@exämple.com",
            "ada\0@example.com",
            "ada@example.com\nbcc:all@example.com",
            "\"ada\"@example.com",
            "<ada@example.com>",
            &too_long_local,
            &too_long,
        ];
        for address in wrong {
            assert_eq!(email(address), Err(Invalid::Email), "{address:?}");
        }
    }
}
