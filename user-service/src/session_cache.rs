//! The copies of sessions in Redis. This service writes them, and the gateway reads them.

use crate::domain::{CachedSession, SessionId};
use chrono::{DateTime, Utc};
use deadpool_redis::{
    BuildError, Connection, Manager, Pool, PoolConfig, Runtime, Timeouts,
    redis::{AsyncCommands, AsyncConnectionConfig, ConnectionInfo, RedisError, SetExpiry, SetOptions},
};
use std::time::Duration;
use tokio::time::timeout;

/// Deadline of one operation, connecting included. It is short: a log-in had better fail than hang.
const DEADLINE: Duration = Duration::from_millis(200);
const CONNECTIONS_MAX: usize = 16;

/// A pool of connections to Redis, made on demand. Cheap to clone.
#[derive(Clone)]
pub struct SessionCache {
    pool: Pool,
}

/// An operation on Redis that had no effect, or an unknown one.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("no connection to Redis")]
    Pool(#[from] deadpool_redis::PoolError),
    #[error("Redis failed")]
    Redis(#[from] RedisError),
    #[error("Redis did not answer in time")]
    TimedOut,
}

/// A configuration that makes no pool.
#[derive(Debug, thiserror::Error)]
pub enum CacheSetupError {
    #[error("the Redis address cannot be used")]
    Address(#[from] RedisError),
    #[error("the Redis pool cannot be created")]
    Pool(#[from] BuildError),
}

impl SessionCache {
    /// Prepares the pool; nothing is connected yet.
    pub fn new(redis: ConnectionInfo) -> Result<Self, CacheSetupError> {
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(DEADLINE))
            .set_response_timeout(Some(DEADLINE));
        let timeouts = Timeouts {
            wait: Some(DEADLINE),
            create: Some(DEADLINE),
            recycle: Some(DEADLINE),
        };
        let limits = PoolConfig {
            max_size: CONNECTIONS_MAX,
            timeouts,
            ..PoolConfig::default()
        };
        let manager = Manager::new_with_config(redis, settings)?;
        let pool = Pool::builder(manager).config(limits).runtime(Runtime::Tokio1).build()?;
        Ok(Self { pool })
    }

    /// Writes the copy of a session, which Redis deletes at `expires_at`.
    pub async fn put(
        &self,
        id: SessionId,
        session: &CachedSession,
        expires_at: DateTime<Utc>,
    ) -> Result<(), CacheError> {
        let text = serde_json::to_string(session).expect("ids and strings have a JSON form");
        let expiry = SetOptions::default().with_expiration(SetExpiry::EXAT(unix_s(expires_at)));
        with_deadline(async {
            let () = self.connection().await?.set_options(key(id), text, expiry).await?;
            Ok(())
        })
        .await
    }

    /// Moves the expiry of a copy. Returns `false` if there is none.
    pub async fn extend(&self, id: SessionId, expires_at: DateTime<Utc>) -> Result<bool, CacheError> {
        with_deadline(async {
            let mut connection = self.connection().await?;
            Ok(connection.expire_at(key(id), expires_at.timestamp()).await?)
        })
        .await
    }

    /// Removes the copy, if there is one.
    pub async fn remove(&self, id: SessionId) -> Result<(), CacheError> {
        with_deadline(async {
            let _: u64 = self.connection().await?.del(key(id)).await?;
            Ok(())
        })
        .await
    }

    async fn connection(&self) -> Result<Connection, CacheError> {
        Ok(self.pool.get().await?)
    }
}

/// The pool's own timeouts limit each step (waiting, connecting, an answer); this one limits their sum.
async fn with_deadline<T>(operation: impl Future<Output = Result<T, CacheError>>) -> Result<T, CacheError> {
    timeout(DEADLINE, operation).await.unwrap_or(Err(CacheError::TimedOut))
}

fn key(id: SessionId) -> String {
    format!("session:{id}")
}

fn unix_s(at: DateTime<Utc>) -> u64 {
    at.timestamp().try_into().expect("sessions end after 1970")
}
