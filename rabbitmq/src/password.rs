//! Passwords of the services' broker users.

use crate::state::User;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256, Sha512};
use std::{collections::BTreeMap, fmt};

const SALT_BYTES: usize = 4;

/// Passwords by user name.
#[derive(Clone, Default)]
pub struct Passwords(BTreeMap<String, String>);

impl Passwords {
    /// The environment variable that holds the password of `user`: `ORDER_SERVICE_RABBITMQ_PASSWORD` for `order-service`.
    pub fn variable(user: &str) -> String {
        format!("{}_RABBITMQ_PASSWORD", user.to_uppercase().replace('-', "_"))
    }

    pub(crate) fn get(&self, user: &str) -> Option<&str> {
        self.0.get(user).map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Passwords {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(passwords: I) -> Self {
        Self(passwords.into_iter().collect())
    }
}

/// Prints the user names only, never a password.
impl fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Compares `password` with the hash that the broker stores for `user`; `None` if the hashing algorithm is unknown.
/// Setting an unchanged password anyway would make a new salt and hash, and close the user's connections, at each start.
pub(crate) fn password_matches(password: &str, user: &User) -> Option<bool> {
    let stored = STANDARD.decode(&user.password_hash).ok()?;
    let (salt, hash) = stored.split_at_checked(SALT_BYTES)?;
    let salted = [salt, password.as_bytes()].concat();
    match user.hashing_algorithm.as_str() {
        "rabbit_password_hashing_sha256" => Some(Sha256::digest(&salted)[..] == *hash),
        "rabbit_password_hashing_sha512" => Some(Sha512::digest(&salted)[..] == *hash),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Passwords, password_matches};
    use crate::state::User;

    /// The password `secret` as RabbitMQ 3.10 stores it.
    fn stored() -> User {
        User {
            tags: Vec::new(),
            password_hash: "szLU0peW6bh33wd5oaNIkabp+iKIbT7qMBXfZu2daT+1FdjN".to_owned(),
            hashing_algorithm: "rabbit_password_hashing_sha256".to_owned(),
        }
    }

    #[test]
    fn the_stored_password_matches_and_another_does_not() {
        assert_eq!(password_matches("secret", &stored()), Some(true));
        assert_eq!(password_matches("Secret", &stored()), Some(false));
    }

    #[test]
    fn an_unknown_algorithm_or_a_short_hash_cannot_be_compared() {
        let unknown = User {
            hashing_algorithm: "rabbit_password_hashing_md5".to_owned(),
            ..stored()
        };
        assert_eq!(password_matches("secret", &unknown), None);
        let short = User {
            password_hash: "c2Fs".to_owned(),
            ..stored()
        };
        assert_eq!(password_matches("secret", &short), None);
    }

    #[test]
    fn debug_output_contains_no_password() {
        let passwords: Passwords = [("order-service".to_owned(), "hidden".to_owned())]
            .into_iter()
            .collect();
        assert_eq!(format!("{passwords:?}"), "{\"order-service\"}");
        assert_eq!(Passwords::variable("order-service"), "ORDER_SERVICE_RABBITMQ_PASSWORD");
    }
}
