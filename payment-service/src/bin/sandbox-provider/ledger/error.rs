//! Errors of the ledger.

use std::path::PathBuf;

/// An error of opening the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the log {path} cannot be opened: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("line {line} of the log {path} cannot be read: {source}")]
    Line {
        path: PathBuf,
        line: usize,
        source: serde_json::Error,
    },
}

/// An error of a charge, a refund or a query.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    #[error("this Idempotency-Key was used with another body")]
    KeyReused,
    #[error("there is no captured charge with this key")]
    NoSuchCharge,
    #[error("more than was captured: {left_minor} is left to refund")]
    TooMuch { left_minor: i64 },
    #[error("an earlier write to the log failed; it is read again at the next start")]
    Broken,
    #[error("the log cannot be written: {0}")]
    Io(#[from] std::io::Error),
}
