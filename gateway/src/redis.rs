//! Redis, queried so that an outage costs milliseconds.
//!
//! Every query has a short deadline. After a failure there is a cooldown without queries, which grows up to a limit; then one
//! caller probes while the others still go without. A Redis that hangs so delays one request per cooldown.

use deadpool_redis::redis::{
    AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisFuture, RedisResult, ServerErrorKind,
    aio::MultiplexedConnection,
};
use serde::Serialize;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Slice of a query's deadline. A query has ten, connecting included, so an outage costs a request 100 ms.
///
/// The deadline is counted in slices because a process without processor time finds one long timer expired although the answer
/// lies in its socket. Between slices the connection is polled, before Redis is blamed.
const DEADLINE_SLICE: Duration = Duration::from_millis(10);
const DEADLINE_SLICES: usize = 10;
/// The client library's own limit, which must not end first.
const LIBRARY_TIMEOUT: Duration = Duration::from_secs(1);
const COOLDOWN_MIN: Duration = Duration::from_millis(100);
const COOLDOWN_MAX: Duration = Duration::from_secs(2);

/// A handle to Redis.
///
/// All queries share one connection and are pipelined on it: a pool would send a PING before each, and a burst would wait for
/// connections.
pub struct Redis {
    client: Client,
    shared: tokio::sync::Mutex<SharedConnection>,
    outage: Mutex<Outage>,
}

/// The shared connection. By the generation a failed query tells whether the connection is still the one that it used.
#[derive(Default)]
struct SharedConnection {
    generation: u64,
    connection: Option<MultiplexedConnection>,
    /// When a connection was last given up because its server was a replica.
    left_replica: Option<Instant>,
}

/// Redis did not answer, or is in the cooldown after it did not.
#[derive(Debug, thiserror::Error)]
#[error("Redis is unavailable: {reason}")]
pub struct Unavailable {
    reason: String,
}

/// The state of Redis, for operators.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RedisStatus {
    /// True if the last query was answered.
    pub reachable: bool,
    /// Number of queries that failed in a row.
    pub failures: u32,
    /// Error of the last failed query.
    pub last_error: Option<String>,
}

#[derive(Default)]
struct Outage {
    failures: u32,
    cooldown_until: Option<Instant>,
    last_error: Option<String>,
}

impl Redis {
    /// Checks the URL; nothing is connected before the first query.
    pub fn new(url: &str) -> RedisResult<Self> {
        Ok(Self {
            client: Client::open(url)?,
            shared: tokio::sync::Mutex::default(),
            outage: Mutex::default(),
        })
    }

    /// Makes one query.
    pub async fn query<T, F>(&self, query: F) -> Result<T, Unavailable>
    where
        F: for<'a> FnOnce(&'a mut MultiplexedConnection) -> RedisFuture<'a, T>,
    {
        self.admit()?;
        let mut used = None;
        let answer = in_time(async {
            let (generation, mut connection) = self.connection().await?;
            used = Some(generation);
            query(&mut connection).await
        });
        let reason = match answer.await {
            Some(Ok(value)) => {
                self.answered();
                return Ok(value);
            }
            Some(Err(error)) => RedisError::to_string(&error),
            None => "no answer in time".to_owned(),
        };
        self.disconnect(used);
        Err(self.failed(reason))
    }

    /// Gives up the connection, if its server is a replica that takes no writes: after a fail-over, the address leads elsewhere.
    pub async fn leave_replica(&self, error: &RedisError) {
        if error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly) {
            let mut shared = self.shared.lock().await;
            let is_due = shared.left_replica.is_none_or(|at| at.elapsed() >= COOLDOWN_MAX);
            if is_due {
                shared.left_replica = Some(Instant::now());
                shared.connection = None;
            }
        }
    }

    /// Returns the state of Redis.
    pub fn status(&self) -> RedisStatus {
        let outage = self.outage();
        RedisStatus {
            reachable: outage.failures == 0,
            failures: outage.failures,
            last_error: outage.last_error.clone(),
        }
    }

    /// Returns the shared connection. The first caller opens it; the others wait for that, within their own deadlines.
    async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        let mut shared = self.shared.lock().await;
        if let Some(connection) = &shared.connection {
            return Ok((shared.generation, connection.clone()));
        }
        let timeouts = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(LIBRARY_TIMEOUT))
            .set_response_timeout(Some(LIBRARY_TIMEOUT));
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&timeouts)
            .await?;
        shared.generation += 1;
        shared.connection = Some(connection.clone());
        Ok((shared.generation, connection))
    }

    /// Drops the connection after a failure. While the lock is held, another caller is opening a new one anyway.
    fn disconnect(&self, used: Option<u64>) {
        if let Ok(mut shared) = self.shared.try_lock()
            && used == Some(shared.generation)
        {
            shared.connection = None;
        }
    }

    fn admit(&self) -> Result<(), Unavailable> {
        let mut outage = self.outage();
        let Some(cooldown_until) = outage.cooldown_until else {
            return Ok(());
        };
        let now = Instant::now();
        if now < cooldown_until {
            return Err(Unavailable {
                reason: "cooldown after a failure".to_owned(),
            });
        }
        // This caller probes; others do not wait for the outcome.
        outage.cooldown_until = Some(now + COOLDOWN_MIN);
        Ok(())
    }

    fn answered(&self) {
        let mut outage = self.outage();
        if outage.failures > 0 {
            tracing::info!(
                dependency = "redis",
                failures = outage.failures,
                "Redis is available again"
            );
        }
        *outage = Outage::default();
    }

    fn failed(&self, reason: String) -> Unavailable {
        let mut outage = self.outage();
        if outage.failures == 0 {
            tracing::warn!(
                dependency = "redis",
                error = reason,
                "Redis unavailable: using cached sessions and local rate limits"
            );
        }
        let cooldown = COOLDOWN_MIN
            .saturating_mul(1 << outage.failures.min(8))
            .min(COOLDOWN_MAX);
        outage.failures = outage.failures.saturating_add(1);
        outage.cooldown_until = Some(Instant::now() + cooldown);
        outage.last_error = Some(reason.clone());
        Unavailable { reason }
    }

    fn outage(&self) -> MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn in_time<T>(query: impl Future<Output = T>) -> Option<T> {
    let mut query = std::pin::pin!(query);
    for _ in 0..DEADLINE_SLICES {
        if let Ok(answer) = tokio::time::timeout(DEADLINE_SLICE, &mut query).await {
            return Some(answer);
        }
    }
    None
}
