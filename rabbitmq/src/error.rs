//! Why the broker could not be brought to, or compared with, the topology.

use std::time::Duration;

use crate::Invalid;

/// Each message is one line that says what to do where that is known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The topology file is not readable as such.
    #[error("topology file: {0}")]
    Syntax(String),
    /// The topology file contradicts itself.
    #[error("topology file: {0}")]
    Invalid(#[from] Invalid),
    /// The topology file cannot be opened.
    #[error("topology file {path}: {source}")]
    File {
        /// Where it should be.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The management address is not one.
    #[error("{0:?} is not the address of a management API: give http://host:port")]
    Address(String),
    /// Nobody answers.
    #[error("the management API at {address} does not answer: {reason}")]
    Unreachable {
        /// Host and port, without credentials.
        address: String,
        /// What went wrong underneath.
        reason: String,
    },
    /// The broker did not become ready in time.
    #[error("the broker was not ready within {} s; last: {last}", waited.as_secs())]
    NotReady {
        /// How long we waited.
        waited: Duration,
        /// The last answer, or why there was none.
        last: String,
    },
    /// The broker says no.
    #[error("the broker refused {request} with {status}: {reason}")]
    Refused {
        /// Method and path.
        request: String,
        /// HTTP status.
        status: u16,
        /// The broker's own words.
        reason: String,
    },
    /// An answer that we do not understand.
    #[error("the broker's answer to {request} is not understood: {reason}")]
    Answer {
        /// Method and path.
        request: String,
        /// What did not fit.
        reason: String,
    },
    /// A broker whose quorum queues cannot do what we need.
    #[error("RabbitMQ {0} is too old: 3.10 or newer is needed, for dead letters that are not lost; upgrade the broker")]
    TooOld(String),
    /// Users cannot be created without passwords.
    #[error("no password for {}: set {}", users.join(", "), variables.join(", "))]
    PasswordMissing {
        /// The users without one.
        users: Vec<String>,
        /// Where their passwords are expected.
        variables: Vec<String>,
    },
    /// Repairing did not lead to the desired state.
    #[error("{0} difference(s) came back after they were repaired: does something else change the broker?")]
    Unstable(usize),
}
