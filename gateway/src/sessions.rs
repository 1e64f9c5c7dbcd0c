//! Sessions. user-service owns `session:<sid>` in Redis; without the key, the session has ended.
//!
//! Answers are cached, with two limits. A session that was ended elsewhere may be used for [`FRESH_FOR`] more. While Redis is
//! unavailable, a session that was seen may be used for [`STALE_FOR`] after that; other callers get 503 and not 401.

use crate::redis::{Redis, Unavailable};
use deadpool_redis::redis::AsyncCommands;
use kernel::chain;
use moka::future::Cache;
use serde::Deserialize;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;
use web::identity::Role;

/// Age up to which a cached session is used without asking Redis.
pub const FRESH_FOR: Duration = Duration::from_secs(5);
/// Age up to which a cached session is used while Redis is unavailable.
pub const STALE_FOR: Duration = Duration::from_mins(1);
/// Most cached sessions, of about 200 bytes each.
const CACHED_MAX: u64 = 50_000;

/// The value under `session:<sid>`: this gateway's view of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Owner of the session.
    pub user_id: Uuid,
    /// Current role of the owner; the token holds the role at its signing.
    pub role: Role,
}

/// A cache of sessions in front of Redis.
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
    /// Creates an empty cache.
    pub fn new(redis: Arc<Redis>) -> Self {
        let seen = Cache::builder()
            .max_capacity(CACHED_MAX)
            .time_to_live(STALE_FOR)
            .build();
        Self { redis, seen }
    }

    /// Returns the session, or `None` if it has ended. An error means that it cannot be checked.
    pub async fn find(&self, session_id: &str) -> Result<Option<Session>, Unavailable> {
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
            Err(unavailable) => {
                let seen = seen.filter(|seen| seen.at.elapsed() < STALE_FOR).ok_or(unavailable)?;
                metrics::counter!("gateway_sessions_stale_total").increment(1);
                Ok(Some(seen.session))
            }
        }
    }

    /// Removes a session from the cache, since it has just ended.
    pub async fn forget(&self, session_id: &str) {
        self.seen.invalidate(session_id).await;
    }

    /// Returns the number of cached sessions.
    pub fn cached(&self) -> u64 {
        self.seen.entry_count()
    }

    async fn read(&self, session_id: &str) -> Result<Option<Session>, Unavailable> {
        let key = format!("session:{session_id}");
        let value: Option<Vec<u8>> = self.redis.query(move |connection| connection.get(key)).await?;
        let Some(value) = value else {
            return Ok(None);
        };
        // An unreadable value admits no caller.
        let session = serde_json::from_slice(&value);
        Ok(session
            .inspect_err(|error| tracing::error!(dependency = "redis", error = chain(error), "Session cannot be read"))
            .ok())
    }
}
