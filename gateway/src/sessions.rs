//! Whether a session still lives. user-service owns `session:<sid>` in Redis; a key that is gone is a session that ended.
//!
//! Answers are cached, which sets two limits. A session that was ended elsewhere may be used for [`FRESH_FOR`] more. While
//! Redis is away, a session that was seen alive may be used for [`STALE_FOR`] after it was last seen; others are told to
//! come back, not that they are logged out.

use crate::redis::{Away, Redis};
use deadpool_redis::redis::AsyncCommands;
use moka::future::Cache;
use serde::Deserialize;
use shared::identity::Role;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// How long a session that was seen alive is believed without asking again.
pub const FRESH_FOR: Duration = Duration::from_secs(5);
/// How long it is believed while Redis is away.
pub const STALE_FOR: Duration = Duration::from_mins(1);
/// What bounds the memory: about 200 bytes each.
const CACHED_MAX: u64 = 50_000;

/// The value under `session:<sid>`: this gateway's view of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Whose session it is.
    pub user_id: Uuid,
    /// What they may do now; the token says what they might when it was made.
    pub role: Role,
}

/// Asks Redis for sessions and remembers the answers.
pub struct Sessions {
    redis: Arc<Redis>,
    seen: Cache<String, Seen>,
}

#[derive(Clone, Copy)]
struct Seen {
    session: Session,
    at: Instant,
}

impl Sessions {
    /// An empty cache in front of Redis.
    pub fn new(redis: Arc<Redis>) -> Self {
        let seen = Cache::builder()
            .max_capacity(CACHED_MAX)
            .time_to_live(STALE_FOR)
            .build();
        Self { redis, seen }
    }

    /// The session, or `None` if it has ended. An error means that nobody can tell.
    pub async fn find(&self, session_id: &str) -> Result<Option<Session>, Away> {
        let seen = self.seen.get(session_id).await;
        if let Some(seen) = seen.filter(|seen| seen.at.elapsed() < FRESH_FOR) {
            return Ok(Some(seen.session));
        }
        match self.read(session_id).await {
            Ok(Some(session)) => {
                let entry = Seen {
                    session,
                    at: Instant::now(),
                };
                self.seen.insert(session_id.to_owned(), entry).await;
                Ok(Some(session))
            }
            Ok(None) => {
                self.forget(session_id).await;
                Ok(None)
            }
            Err(away) => {
                let seen = seen.filter(|seen| seen.at.elapsed() < STALE_FOR).ok_or(away)?;
                metrics::counter!("gateway_sessions_stale_total").increment(1);
                Ok(Some(seen.session))
            }
        }
    }

    /// Drops what was remembered: the session has just ended.
    pub async fn forget(&self, session_id: &str) {
        self.seen.invalidate(session_id).await;
    }

    /// How many sessions are remembered.
    pub fn cached(&self) -> u64 {
        self.seen.entry_count()
    }

    async fn read(&self, session_id: &str) -> Result<Option<Session>, Away> {
        let key = format!("session:{session_id}");
        let value: Option<Vec<u8>> = self.redis.ask(move |connection| connection.get(key)).await?;
        let Some(value) = value else {
            return Ok(None);
        };
        // Nothing that this gateway could read is a session that it could let in.
        let session = serde_json::from_slice(&value);
        Ok(session
            .inspect_err(|fault| tracing::error!(%fault, "a session in redis cannot be read"))
            .ok())
    }
}
