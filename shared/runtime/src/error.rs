//! Errors that keep a process from running.

use std::{error::Error, io, net::SocketAddr};

/// An error that keeps a process from running. Its chain is the one line that the process prints before it ends.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting parses, but cannot be used. The process ends with exit code 78.
    #[error("environment variable {variable} has an unusable value: {reason}")]
    Setting {
        /// Name of the environment variable.
        variable: &'static str,
        /// The fault of its value, without the value, which may be a secret.
        reason: String,
    },
    /// The address is taken, or not one of this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address to listen on.
        address: SocketAddr,
        /// The system's error.
        #[source]
        error: io::Error,
    },
    /// The process cannot register for signals.
    #[error("cannot watch for signals")]
    Signals(#[source] io::Error),
    /// The database refused a migration.
    #[error("the database cannot be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database URL is wrong, or a statement at the start failed.
    #[error("the database cannot be used")]
    Database(#[from] sqlx::Error),
    /// Any other error of the program.
    #[error(transparent)]
    Other(#[from] Box<dyn Error + Send + Sync>),
}
