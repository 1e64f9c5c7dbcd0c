//! Redis, asked in such a way that its absence costs milliseconds.
//!
//! Every question has a short deadline. After a failure nobody asks for a pause that grows up to a limit; then one
//! caller tries while the others still go without. So a Redis that hangs delays one request per pause and no more.

use deadpool_redis::redis::{
    AsyncConnectionConfig, Client, RedisError, RedisFuture, RedisResult, aio::MultiplexedConnection,
};
use serde::Serialize;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// One question has ten of these, connecting included; so an outage costs a request 100 ms.
///
/// The deadline is counted in small steps because a process that gets no processor time finds one long timer expired
/// although the answer lies in its socket. Between steps the connection gets its turn, before anybody blames Redis.
const STEP: Duration = Duration::from_millis(10);
const STEPS: usize = 10;
/// The client library's own limits, which must not be the first to end.
const LIBRARY_TIMEOUT: Duration = Duration::from_secs(1);
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A handle to Redis.
///
/// All questions share one connection and are pipelined on it: a pool would send a PING before each of them, and a burst
/// would wait for connections.
pub struct Redis {
    client: Client,
    line: tokio::sync::Mutex<Line>,
    outage: Mutex<Outage>,
}

/// The shared connection. The generation tells a question that failed whether the connection is still the one it used.
#[derive(Default)]
struct Line {
    generation: u64,
    connection: Option<MultiplexedConnection>,
}

/// Redis did not answer, or is being left alone after it did not.
#[derive(Debug, thiserror::Error)]
#[error("Redis is away: {reason}")]
pub struct Away {
    reason: String,
}

/// What an operator wants to know.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RedisStatus {
    /// Whether the last question was answered.
    pub reachable: bool,
    /// Questions that failed in a row.
    pub failures: u32,
    /// Why the last one failed.
    pub last_error: Option<String>,
}

#[derive(Default)]
struct Outage {
    failures: u32,
    pause_until: Option<Instant>,
    last_error: Option<String>,
}

impl Redis {
    /// Checks the URL; nothing is connected before the first question.
    pub fn new(url: &str) -> RedisResult<Self> {
        Ok(Self {
            client: Client::open(url)?,
            line: tokio::sync::Mutex::default(),
            outage: Mutex::default(),
        })
    }

    /// Asks one question.
    pub async fn ask<T, F>(&self, question: F) -> Result<T, Away>
    where
        F: for<'a> FnOnce(&'a mut MultiplexedConnection) -> RedisFuture<'a, T>,
    {
        self.admit()?;
        let mut used = None;
        let answer = in_time(async {
            let (generation, mut connection) = self.connection().await?;
            used = Some(generation);
            question(&mut connection).await
        });
        let reason = match answer.await {
            Some(Ok(value)) => {
                self.answered();
                return Ok(value);
            }
            Some(Err(error)) => RedisError::to_string(&error),
            None => "no answer in time".to_owned(),
        };
        self.hang_up(used);
        Err(self.failed(reason))
    }

    /// Where things stand.
    pub fn status(&self) -> RedisStatus {
        let outage = self.outage();
        RedisStatus {
            reachable: outage.failures == 0,
            failures: outage.failures,
            last_error: outage.last_error.clone(),
        }
    }

    /// The shared connection. Whoever comes first makes it; the others wait for that, within their own deadlines.
    async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        let mut line = self.line.lock().await;
        if let Some(connection) = &line.connection {
            return Ok((line.generation, connection.clone()));
        }
        let timeouts = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(LIBRARY_TIMEOUT))
            .set_response_timeout(Some(LIBRARY_TIMEOUT));
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&timeouts)
            .await?;
        line.generation += 1;
        line.connection = Some(connection.clone());
        Ok((line.generation, connection))
    }

    /// After a failure the connection cannot be trusted. While somebody else holds the lock, it is being made anew anyway.
    fn hang_up(&self, used: Option<u64>) {
        if let Ok(mut line) = self.line.try_lock()
            && used == Some(line.generation)
        {
            line.connection = None;
        }
    }

    fn admit(&self) -> Result<(), Away> {
        let mut outage = self.outage();
        let Some(pause_until) = outage.pause_until else {
            return Ok(());
        };
        let now = Instant::now();
        if now < pause_until {
            return Err(Away {
                reason: "left alone after a failure".to_owned(),
            });
        }
        // This caller tries; those who come meanwhile do not wait for the outcome.
        outage.pause_until = Some(now + PAUSE_FIRST);
        Ok(())
    }

    fn answered(&self) {
        let mut outage = self.outage();
        if outage.failures > 0 {
            tracing::info!(failures = outage.failures, "redis answers again");
        }
        *outage = Outage::default();
    }

    fn failed(&self, reason: String) -> Away {
        let mut outage = self.outage();
        if outage.failures == 0 {
            tracing::warn!(reason, "redis is away: cached sessions and a local rate limit carry on");
        }
        let pause = PAUSE_FIRST.saturating_mul(1 << outage.failures.min(8)).min(PAUSE_MAX);
        outage.failures = outage.failures.saturating_add(1);
        outage.pause_until = Some(Instant::now() + pause);
        outage.last_error = Some(reason.clone());
        Away { reason }
    }

    fn outage(&self) -> MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn in_time<T>(question: impl Future<Output = T>) -> Option<T> {
    let mut question = std::pin::pin!(question);
    for _ in 0..STEPS {
        if let Ok(answer) = tokio::time::timeout(STEP, &mut question).await {
            return Some(answer);
        }
    }
    None
}
