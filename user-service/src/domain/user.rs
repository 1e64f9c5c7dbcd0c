//! A user, and changes to it.

use super::{email::Email, ids::UserId, name::Name};
use chrono::{DateTime, Utc};
use serde::Serialize;

kernel::text_enum! {
    /// A user's role, which decides what they may do.
    pub enum Role {
        Customer = "customer",
        Admin = "admin",
    }
}

/// A user as the API shows it. The password's hash is not part of it, so it cannot be shown by accident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: UserId,
    /// The address for mail, and the name for logging in.
    pub email: String,
    pub name: String,
    pub role: Role,
    pub created_at: DateTime<Utc>,
    /// Time of the last change of name, e-mail address or role.
    pub updated_at: DateTime<Utc>,
}

impl User {
    /// Takes over the values that are given. Returns true if one of them is new.
    pub fn change(&mut self, name: Option<Name>, email: Option<Email>) -> bool {
        let name = name.map_or_else(|| self.name.clone(), String::from);
        let email = email.map_or_else(|| self.email.clone(), String::from);
        let changed = name != self.name || email != self.email;
        self.name = name;
        self.email = email;
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::try_from(text.to_owned()).unwrap()
    }

    fn email(text: &str) -> Email {
        text.parse().unwrap()
    }

    #[test]
    fn a_change_to_the_same_values_changes_nothing() {
        let at = DateTime::UNIX_EPOCH;
        let mut user = User {
            id: UserId::from(uuid::Uuid::nil()),
            email: "ada@example.com".to_owned(),
            name: "Ada".to_owned(),
            role: Role::Customer,
            created_at: at,
            updated_at: at,
        };
        assert!(!user.change(None, None));
        assert!(!user.change(Some(name("Ada")), Some(email("ada@example.com"))));
        assert!(user.change(Some(name("Ada King")), None));
        assert!(user.change(None, Some(email("king@example.com"))));
        assert_eq!(
            (user.name.as_str(), user.email.as_str()),
            ("Ada King", "king@example.com")
        );
    }
}
