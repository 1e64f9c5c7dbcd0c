//! Redis, asked in such a way that its absence costs milliseconds.
//!
//! Every question has a short deadline. After a failure nobody asks for a pause that grows up to a limit; then one
//! caller tries while the others still go without. So a Redis that hangs delays one request per pause and no more.

use deadpool_redis::{
    Config, Connection, CreatePoolError, Pool, PoolConfig, Runtime, Timeouts,
    redis::{RedisError, RedisFuture},
};
use serde::Serialize;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// One question, waiting for a connection included. Two of them must fit into the 150 ms that an outage may cost.
const QUESTION_TIMEOUT: Duration = Duration::from_millis(100);
const CONNECTION_TIMEOUT: Duration = Duration::from_millis(80);
const CONNECTIONS_MAX: usize = 16;
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A handle to Redis.
pub struct Redis {
    pool: Pool,
    outage: Mutex<Outage>,
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
    /// Prepares a pool; nothing is connected before the first question.
    pub fn new(url: &str) -> Result<Self, CreatePoolError> {
        let timeouts = Timeouts {
            wait: Some(CONNECTION_TIMEOUT),
            create: Some(CONNECTION_TIMEOUT),
            recycle: Some(CONNECTION_TIMEOUT),
        };
        let mut config = Config::from_url(url);
        config.pool = Some(PoolConfig {
            max_size: CONNECTIONS_MAX,
            timeouts,
            ..PoolConfig::default()
        });
        Ok(Self {
            pool: config.create_pool(Some(Runtime::Tokio1))?,
            outage: Mutex::default(),
        })
    }

    /// Asks one question.
    pub async fn ask<T, F>(&self, question: F) -> Result<T, Away>
    where
        F: for<'a> FnOnce(&'a mut Connection) -> RedisFuture<'a, T>,
    {
        self.admit()?;
        let answer = tokio::time::timeout(QUESTION_TIMEOUT, async {
            let mut connection = self.pool.get().await.map_err(|error| error.to_string())?;
            question(&mut connection)
                .await
                .map_err(|error: RedisError| error.to_string())
        });
        match answer.await.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
            Ok(value) => {
                self.answered();
                Ok(value)
            }
            Err(reason) => Err(self.failed(reason)),
        }
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
        outage.pause_until = Some(now + QUESTION_TIMEOUT);
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
