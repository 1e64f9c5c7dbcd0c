//! An event as it travels: its type, its data, and what is known about it.

use super::failure::Failure;
use crate::context::Context;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// The major version of envelope and payload that this code understands.
pub const VERSION: &str = "1.0";

/// One event. The JSON form is the same on the wire, in the outbox and in analytics.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// `<entity>.<past_tense>`, which is also the routing key.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The payload; each consumer reads it into its own small view with [`Envelope::data`].
    pub data: serde_json::Value,
    /// Who says so, when, why.
    pub metadata: Metadata,
}

/// What is known about an event besides its payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Unique; the inbox's key.
    pub event_id: Uuid,
    /// When it was written down, UTC.
    pub timestamp: DateTime<Utc>,
    /// The service that says so.
    pub source: String,
    /// `major.minor` of the payload; a consumer refuses a major version that it does not know.
    pub version: String,
    /// The story it belongs to.
    pub correlation_id: String,
    /// The event or request that caused it.
    pub causation_id: String,
    /// What it is about.
    pub subject: Uuid,
    /// Counts this source's events about this subject, from 1. Compares only with the same source's.
    pub sequence: i64,
}

impl Envelope {
    /// Reads the payload into the consumer's own view of it. A payload that does not fit will never fit: permanent.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        T::deserialize(&self.data)
            .map_err(|error| Failure::permanent(format!("the data of {} cannot be read: {error}", self.event_type)))
    }

    /// The context of what this event causes.
    pub fn context(&self, traceparent: Option<String>) -> Context {
        Context::caused_by(
            &self.metadata.correlation_id,
            self.metadata.event_id.to_string(),
            traceparent,
        )
    }
}
