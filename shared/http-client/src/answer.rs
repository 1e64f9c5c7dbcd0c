//! The answer of an upstream.

use crate::error::CallError;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

/// A whole answer, of any status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status code, which is an error status if the retries did not help.
    pub status: StatusCode,
    /// Header fields of the last attempt.
    pub headers: HeaderMap,
    /// Body of the last attempt, read to its end.
    pub body: Bytes,
}

impl Answer {
    /// Reads the body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(CallError::Decode)
    }
}
