//! What ends a session of the relay.

use crate::broker::BrokerError;

/// A failure of the database or of the broker, as opposed to one of a single row.
#[derive(Debug, thiserror::Error)]
pub(super) enum RelayError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Broker(#[from] BrokerError),
}
