//! Errors of reading the topology file and of talking to the broker.

use crate::validation::Invalid;
use std::{io, time::Duration};

/// The reason for which the broker could not be compared with the topology or brought to it. Each message is one line,
/// which says what to do where that is known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A topology file that is not valid TOML or has unknown fields.
    #[error("topology file: {0}")]
    Syntax(String),
    /// A topology file that contradicts itself.
    #[error("topology file: {0}")]
    Invalid(#[from] Invalid),
    /// A topology file that cannot be read.
    #[error("topology file {path}: {source}")]
    File {
        /// Path as given.
        path: String,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A value that is not the address of a management API.
    #[error("{0:?} is not the address of a management API: give http://host:port")]
    Address(String),
    /// A management API that does not answer.
    #[error("the management API at {address} does not answer: {reason}")]
    Unreachable {
        /// Host and port, without credentials.
        address: String,
        /// Innermost cause.
        reason: String,
    },
    /// A broker that did not become ready in time.
    #[error("the broker was not ready within {} s; last error: {last}", waited.as_secs())]
    NotReady {
        /// Duration of the wait.
        waited: Duration,
        /// Error of the last attempt.
        last: String,
    },
    /// A request that the broker refused.
    #[error("the broker refused {request} with {status}: {reason}")]
    Refused {
        /// Method and path.
        request: String,
        /// HTTP status code.
        status: u16,
        /// Explanation from the response body.
        reason: String,
    },
    /// A response body of an unexpected shape.
    #[error("unexpected response of the broker to {request}: {reason}")]
    UnexpectedResponse {
        /// Method and path.
        request: String,
        /// Error of reading or parsing the body.
        reason: String,
    },
    /// A broker without at-least-once dead-lettering of quorum queues.
    #[error("RabbitMQ {0} is too old: 3.10 or newer is needed, for dead letters that are not lost; upgrade the broker")]
    TooOld(String),
    /// Users that cannot be created, for lack of a password.
    #[error("no password for {}: set {}", users.join(", "), variables.join(", "))]
    PasswordMissing {
        /// Broker users without a password.
        users: Vec<String>,
        /// Environment variables to set.
        variables: Vec<String>,
    },
    /// Differences that reappeared after each repair.
    #[error("{0} difference(s) came back after they were repaired: does something else change the broker?")]
    Unstable(usize),
}
