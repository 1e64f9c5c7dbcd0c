//! What can go wrong when one uses the platform from outside.

/// Why something could not be done or seen.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The addresses are not known.
    #[error("{0} is not set: run `eval \"$(make -s env)\"` beside a platform that is up")]
    Environment(&'static str),
    /// No answer came.
    #[error("no answer: {0}")]
    Http(#[from] reqwest::Error),
    /// The answer was not the expected one.
    #[error("{what} was answered with {status}: {body}")]
    Refused {
        /// What was asked.
        what: String,
        /// HTTP status.
        status: u16,
        /// The problem, as sent.
        body: String,
    },
    /// It did not come to pass in time.
    #[error("in vain waited {waited_s} s for {what}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// For how long, in seconds.
        waited_s: u64,
    },
    /// A database could not be read.
    #[error("a database could not be read: {0}")]
    Database(#[from] sqlx::Error),
    /// An answer is not what the documentation says.
    #[error("an answer cannot be read: {0}")]
    Shape(#[from] serde_json::Error),
    /// The end state is not one that everybody agrees on.
    #[error("{0}")]
    Disagreement(String),
}
