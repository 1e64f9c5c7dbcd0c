//! The envelope of an event: type, data and metadata, as JSON.

use crate::failure::Failure;
use chrono::{DateTime, Utc};
use kernel::context::{Context, is_correlation_id};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// The version of envelope and payload that this code writes; it reads every minor version of the same major.
pub const VERSION: &str = "1.0";

/// Longest type of an event, as AMQP takes it.
const TYPE_BYTES_MAX: usize = 255;

/// One event. Its JSON form is the same on the wire, in the outbox and in analytics.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// `<entity>.<past_tense>`, which is also the routing key.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The payload; each consumer reads it into its own small view with [`Envelope::data`].
    pub data: serde_json::Value,
    /// Identity, origin and order of the event.
    pub metadata: Metadata,
}

/// The facts about an event besides its payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Unique id, and the inbox's key.
    pub event_id: Uuid,
    /// Time at which it was written to the outbox, UTC.
    pub timestamp: DateTime<Utc>,
    /// The publishing service.
    pub source: String,
    /// `major.minor` of the payload; a consumer refuses a major version that it does not know.
    pub version: String,
    /// Correlation id of the request or saga it belongs to.
    pub correlation_id: String,
    /// Id of the event or request that caused it.
    pub causation_id: String,
    /// Id of the entity it is about.
    pub subject: Uuid,
    /// Number of this source's events about this subject so far, from 1. It compares only with the same source's.
    pub sequence: i64,
}

impl Envelope {
    /// Reads a message. The error is the reason of the dead letter.
    pub(crate) fn decode(body: &[u8]) -> Result<Self, String> {
        let mut event: Self =
            serde_json::from_slice(body).map_err(|error| format!("the message is not an event: {error}"))?;
        if event.event_type.len() > TYPE_BYTES_MAX {
            return Err(format!("its type has more than {TYPE_BYTES_MAX} bytes"));
        }
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        if major(&event.metadata.version) != major(VERSION) {
            return Err(format!(
                "version {} is not understood, only {VERSION}",
                event.metadata.version
            ));
        }
        event.metadata.ensure_correlation_id();
        Ok(event)
    }

    /// Reads the payload into a consumer's view of it. A payload that does not fit never will: the failure is permanent.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        T::deserialize(&self.data)
            .map_err(|error| Failure::permanent(format!("the data of {} cannot be read: {error}", self.event_type)))
    }

    /// Returns the context of whatever this event causes.
    pub fn context(&self, traceparent: Option<String>) -> Context {
        Context::caused_by(
            &self.metadata.correlation_id,
            self.metadata.event_id.to_string(),
            traceparent,
        )
    }
}

impl Metadata {
    /// Replaces a correlation id that could not be passed on by the event's own id, which every delivery of the event has.
    ///
    /// AMQP takes 255 bytes, a header of HTTP no control characters, PostgreSQL no NUL: what the event causes would be held in the
    /// outbox row by row.
    pub(crate) fn ensure_correlation_id(&mut self) {
        if !is_correlation_id(&self.correlation_id) {
            let replaced: String = self.correlation_id.chars().take(64).collect();
            self.correlation_id = self.event_id.to_string();
            tracing::info!(
                event.id = %self.event_id,
                replaced,
                "Correlation id of an event cannot be passed on; the event's id takes its place"
            );
        }
    }
}
