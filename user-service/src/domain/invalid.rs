//! The refusal of a value.

/// A text that is no e-mail address, name or password. The message is shown to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("an e-mail address has the form name@example.com, in ASCII, with at most 254 characters")]
    Email,
    #[error("a name has 1 to 100 visible characters")]
    Name,
    #[error("a password has 8 to 128 characters")]
    Password,
}
