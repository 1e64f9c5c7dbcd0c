//! What a user is, and what may be one: pure rules.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::identity::Role;
use uuid::Uuid;

/// A user as others may see it. The password's hash is not part of it, so it cannot be shown by accident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Id.
    pub id: Uuid,
    /// Where mail reaches them; also what they log in with.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When they registered.
    pub created_at: DateTime<Utc>,
    /// When name, e-mail address or role last changed.
    pub updated_at: DateTime<Utc>,
}

impl User {
    /// Takes over what is given, and says whether anything is different now.
    pub fn change(&mut self, name: Option<Name>, email: Option<Email>) -> bool {
        let name = name.map_or_else(|| self.name.clone(), |name| name.0);
        let email = email.map_or_else(|| self.email.clone(), |email| email.0);
        let changed = name != self.name || email != self.email;
        self.name = name;
        self.email = email;
        changed
    }
}

/// What cannot be an e-mail address, a name or a password. The text is for the one who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not an e-mail address.
    #[error("an e-mail address has the form name@example.com, in ASCII, with at most 254 characters")]
    Email,
    /// Not a name.
    #[error("a name has 1 to 100 visible characters")]
    Name,
    /// Not a password that may be chosen.
    #[error("a password has 8 to 128 characters")]
    Password,
}

/// An e-mail address: trimmed, lower-case, and of a form that mail servers take.
///
/// Lower-casing the local part is against the letter of RFC 5321 and with all practice: nobody shall register twice, or
/// fail to log in, for a capital letter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Email(String);

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
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

/// RFC 5321's dot-string. Quoted local parts are allowed there and used by nobody.
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
    // No bare host names, no IP addresses.
    let has_top_level = domain
        .rsplit_once('.')
        .is_some_and(|(_, top)| top.len() >= 2 && !top.bytes().all(|byte| byte.is_ascii_digit()));
    has_top_level && domain.split('.').all(is_label)
}

/// What a user is called: trimmed, and nothing in it that could hide or turn around other text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let name = text.trim();
        let good = name.chars().take(101).count() <= 100
            && !name.chars().any(is_invisible)
            && name
                .chars()
                .any(|character| !is_joiner(character) && !character.is_whitespace());
        if good {
            Ok(Self(name.to_owned()))
        } else {
            Err(Invalid::Name)
        }
    }
}

/// Control characters, marks of direction, blanks without width, tags, line separators.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Joiners are part of Persian names and of emoji, but a name cannot be made of them alone.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

/// A password of an allowed length. It has no `Debug` and no `Serialize`: it goes to the hash and nowhere else.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Password(String);

impl Password {
    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl TryFrom<String> for Password {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        // `take` keeps a megabyte from being counted to its end.
        let length = text.chars().take(129).count();
        if (8..=128).contains(&length) {
            Ok(Self(text))
        } else {
            Err(Invalid::Password)
        }
    }
}

impl std::str::FromStr for Email {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.to_owned().try_into()
    }
}

impl std::str::FromStr for Password {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.to_owned().try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Result<String, Invalid> {
        text.parse::<Email>().map(|email| email.0)
    }

    fn name(text: &str) -> Result<String, Invalid> {
        Name::try_from(text.to_owned()).map(|name| name.0)
    }

    #[test]
    fn an_email_address_has_one_form() {
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
    fn what_is_no_email_address() {
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

    #[test]
    fn a_name_is_visible() {
        assert_eq!(
            name("  Ada King, Countess of Lovelace ").unwrap(),
            "Ada King, Countess of Lovelace"
        );
        for good in [
            "李",
            "Zoë",
            "O'Neil-Šmit",
            "👩\u{200d}💻",
            "نازی\u{200c}ها",
            &"ä".repeat(100),
        ] {
            assert_eq!(name(good).unwrap(), *good);
        }
        let wrong = [
            "",
            "   ",
            "a\0b",
            "a\nb",
            "\u{202e}nimda",
            "\u{200b}",
            "\u{200d}\u{200c}",
            "a\u{feff}",
            &"a".repeat(101),
        ];
        for wrong in wrong {
            assert_eq!(name(wrong), Err(Invalid::Name), "{wrong:?}");
        }
    }

    #[test]
    fn a_password_has_8_to_128_characters_of_any_kind() {
        for (length, good) in [
            (0, false),
            (7, false),
            (8, true),
            (128, true),
            (129, false),
            (1_000_000, false),
        ] {
            assert_eq!(
                "ö".repeat(length).parse::<Password>().is_ok(),
                good,
                "{length} characters"
            );
        }
    }

    #[test]
    fn a_change_to_the_same_is_none() {
        let at = DateTime::UNIX_EPOCH;
        let mut user = User {
            id: Uuid::nil(),
            email: "ada@example.com".to_owned(),
            name: "Ada".to_owned(),
            role: Role::Customer,
            created_at: at,
            updated_at: at,
        };
        assert!(!user.change(None, None));
        assert!(!user.change(Some(Name("Ada".to_owned())), Some(Email("ada@example.com".to_owned()))));
        assert!(user.change(Some(Name("Ada King".to_owned())), None));
        assert!(user.change(None, Some(Email("king@example.com".to_owned()))));
        assert_eq!(
            (user.name.as_str(), user.email.as_str()),
            ("Ada King", "king@example.com")
        );
    }
}
