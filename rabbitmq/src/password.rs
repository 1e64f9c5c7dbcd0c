//! Passwords of the services' broker users.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256, Sha512};

use crate::state::User;

const SALT_BYTES: usize = 4;

/// Passwords by user name.
#[derive(Clone, Default)]
pub struct Passwords(BTreeMap<String, String>);

impl Passwords {
    /// Where the password of `user` is expected: `ORDER_SERVICE_RABBITMQ_PASSWORD` for `order-service`.
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

/// Says whose passwords are known, never the passwords.
impl std::fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Whether `password` is the one that the broker stores for `user`. `None`: stored in a way that we cannot compare.
/// Comparing spares a new salt and hash, and closed connections, on every start.
pub(crate) fn is_password_of(password: &str, user: &User) -> Option<bool> {
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
    use super::{Passwords, is_password_of};
    use crate::state::User;

    /// As RabbitMQ 3.10 stores the password `secret`.
    fn stored() -> User {
        User {
            tags: Vec::new(),
            password_hash: "szLU0peW6bh33wd5oaNIkabp+iKIbT7qMBXfZu2daT+1FdjN".to_owned(),
            hashing_algorithm: "rabbit_password_hashing_sha256".to_owned(),
        }
    }

    #[test]
    fn the_stored_password_is_recognised() {
        assert_eq!(is_password_of("secret", &stored()), Some(true));
        assert_eq!(is_password_of("Secret", &stored()), Some(false));
    }

    #[test]
    fn what_cannot_be_compared_is_neither_right_nor_wrong() {
        let unknown = User {
            hashing_algorithm: "rabbit_password_hashing_md5".to_owned(),
            ..stored()
        };
        assert_eq!(is_password_of("secret", &unknown), None);
        let short = User {
            password_hash: "c2Fs".to_owned(),
            ..stored()
        };
        assert_eq!(is_password_of("secret", &short), None);
    }

    #[test]
    fn passwords_are_never_printed() {
        let passwords: Passwords = [("order-service".to_owned(), "hidden".to_owned())]
            .into_iter()
            .collect();
        assert_eq!(format!("{passwords:?}"), "{\"order-service\"}");
        assert_eq!(Passwords::variable("order-service"), "ORDER_SERVICE_RABBITMQ_PASSWORD");
    }
}
