//! The password of an account.

use super::invalid::Invalid;
use serde::Deserialize;

/// A password of an allowed length. It has neither `Debug` nor `Serialize`: it is hashed and used for nothing else.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Password(String);

impl Password {
    /// Returns the bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl TryFrom<String> for Password {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        // `take` limits the work on a text of a megabyte.
        let length = text.chars().take(129).count();
        if (8..=128).contains(&length) {
            Ok(Self(text))
        } else {
            Err(Invalid::Password)
        }
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
}
