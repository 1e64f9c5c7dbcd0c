//! The error of the harness: it could not do or see something. A violated promise of the platform is a finding instead.

use std::{io, path::PathBuf, time::Duration};

/// The reason why the harness cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// A variable of `make env` is missing.
    #[error("{0} is not set: run `eval \"$(make -s env)\"` beside a platform that is up")]
    Variable(String),
    /// A request without an answer.
    #[error("no answer: {0}")]
    Http(#[from] reqwest::Error),
    /// An answer with another status than expected.
    #[error("{request} was answered with {status}: {body}")]
    Refused {
        /// Method and path.
        request: String,
        /// Status of the answer.
        status: u16,
        /// The body, usually a problem document.
        body: String,
    },
    /// A condition that did not come true in time.
    #[error("waited {limit:?} in vain for {condition}")]
    Timeout {
        /// The condition, as in "order 7 to be settled".
        condition: String,
        /// The time limit.
        limit: Duration,
    },
    /// A statement that failed.
    #[error("a database cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    /// A JSON document of an unexpected shape.
    #[error("an answer cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// An I/O error without a file to name.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A file or folder that cannot be read.
    #[error("{path} cannot be read: {source}")]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A line of a file that cannot be parsed.
    #[error("line {line} of {path} cannot be parsed: {source}")]
    Line {
        /// Path of the file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// Error of the parser.
        source: serde_json::Error,
    },
    /// A platform that is not as the harness needs it.
    #[error("{0}")]
    Unexpected(String),
}

impl HarnessError {
    /// A platform that is not as the harness needs it.
    pub fn unexpected(what: impl Into<String>) -> Self {
        Self::Unexpected(what.into())
    }
}
