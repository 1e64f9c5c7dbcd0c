//! The display name of a user.

use super::invalid::Invalid;
use serde::Deserialize;

/// A user's name: trimmed, and without characters that hide other text or reverse its direction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
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

/// Returns true for control characters, direction marks, blanks of zero width, tags and line separators.
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

/// Returns true for joiners: they occur in Persian names and in emoji, but a name cannot consist of them alone.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<String, Invalid> {
        Name::try_from(text.to_owned()).map(String::from)
    }

    #[test]
    fn a_name_has_visible_characters_only() {
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
}
