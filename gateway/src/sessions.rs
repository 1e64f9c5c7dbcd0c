//! Sessions. user-service owns `session:<sid>` in Redis; without the key, the session has ended.
//!
//! Redis is asked for each request. While it is unavailable, a session that was seen may be used for [`STALE_FOR`] after that;
//! other callers get 503 and not 401.

use crate::redis::Unavailable;
use deadpool_redis::redis::RedisResult;
use kernel::chain;
use moka::future::Cache;
use serde::Deserialize;
use std::time::{Duration, Instant};
use uuid::Uuid;
use web::identity::Role;

/// Age up to which a cached session is used while Redis is unavailable.
pub const STALE_FOR: Duration = Duration::from_mins(1);
/// Age from which a cached session is written anew when Redis still has it.
const RENEWED_AFTER: Duration = Duration::from_secs(1);
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

/// The sessions that were seen of late, for the time of an outage.
pub struct Sessions {
    seen: Cache<String, Seen>,
}

#[derive(Clone, Copy)]
struct Seen {
    session: Session,
    at: Instant,
}

impl Sessions {
    /// Creates an empty cache.
    pub fn new() -> Self {
        let seen = Cache::builder().max_capacity(CACHED_MAX).time_to_live(STALE_FOR);
        Self { seen: seen.build() }
    }

    /// Settles what Redis said about a session: `None` if it has ended. An error means that it cannot be checked.
    pub async fn settle(
        &self,
        session_id: &str,
        answer: Result<Option<Vec<u8>>, Unavailable>,
    ) -> Result<Option<Session>, Unavailable> {
        let seen = self.seen.get(session_id).await;
        match answer.map(|value| value.and_then(|value| read(&value))) {
            Ok(Some(session)) => {
                // Most requests find the entry as it should be; writing it each time would cost more than the reading.
                if !seen.is_some_and(|seen| seen.session == session && seen.at.elapsed() < RENEWED_AFTER) {
                    let at = Instant::now();
                    self.seen.insert(session_id.to_owned(), Seen { session, at }).await;
                }
                Ok(Some(session))
            }
            Ok(None) => {
                if seen.is_some() {
                    self.forget(session_id).await;
                }
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
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the key of a session in Redis.
pub fn key(session_id: &str) -> String {
    format!("session:{session_id}")
}

/// Keeps the trouble of one session's key from the others: a value of another type is an unreadable session, and no outage.
pub fn of_its_own_key(answer: RedisResult<Option<Vec<u8>>>) -> RedisResult<Option<Vec<u8>>> {
    match answer {
        Err(error) if error.code() == Some("WRONGTYPE") => Ok(Some(Vec::new())),
        answer => answer,
    }
}

/// Reads the value of a session. An unreadable one admits no caller.
fn read(value: &[u8]) -> Option<Session> {
    let session = serde_json::from_slice(value);
    session
        .inspect_err(|error| tracing::error!(dependency = "redis", error = chain(error), "Session cannot be read"))
        .ok()
}
