//! The copies of the sessions in Redis. Only this service writes them; the gateway reads them.

use crate::{domain::User, error::SessionsAway};
use chrono::{DateTime, Utc};
use deadpool_redis::{
    BuildError, Connection, Manager, Pool, PoolConfig, Runtime, Timeouts,
    redis::{AsyncCommands, AsyncConnectionConfig, ConnectionInfo, RedisError, SetExpiry, SetOptions},
};
use serde::{Deserialize, Serialize};
use shared::identity::Role;
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

/// What one question to Redis may take, connection included. A log-in rather fails than hangs.
const DEADLINE: Duration = Duration::from_millis(200);
const CONNECTIONS_MAX: usize = 16;

/// What the gateway finds under `session:<sid>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionValue {
    /// Whose session it is.
    pub user_id: Uuid,
    /// What they may do.
    pub role: Role,
    /// Their e-mail address as it stands.
    pub email: String,
}

impl SessionValue {
    /// What there is to say of a user's session.
    pub fn of(user: &User) -> Self {
        Self {
            user_id: user.id,
            role: user.role,
            email: user.email.clone(),
        }
    }
}

/// A handle to Redis. Cheap to clone; connects when it is first asked.
#[derive(Clone)]
pub struct SessionCache {
    pool: Pool,
}

impl SessionCache {
    /// Makes the handle.
    pub fn new(redis: ConnectionInfo) -> Result<Self, StartCacheError> {
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

    /// Writes a session's copy, which expires at `expires_at`.
    pub async fn put(&self, id: Uuid, value: &SessionValue, expires_at: DateTime<Utc>) -> Result<(), SessionsAway> {
        let text = serde_json::to_string(value).expect("ids and strings have a JSON form");
        let expiry = SetOptions::default().with_expiration(SetExpiry::EXAT(unix_s(expires_at)));
        within(async {
            let () = self.connection().await?.set_options(key(id), text, expiry).await?;
            Ok(())
        })
        .await
    }

    /// Moves the end of a session's copy; `false` if there is none.
    pub async fn prolong(&self, id: Uuid, expires_at: DateTime<Utc>) -> Result<bool, SessionsAway> {
        within(async {
            Ok(self
                .connection()
                .await?
                .expire_at(key(id), expires_at.timestamp())
                .await?)
        })
        .await
    }

    /// Removes a session's copy, if there is one.
    pub async fn remove(&self, id: Uuid) -> Result<(), SessionsAway> {
        within(async {
            let _: u64 = self.connection().await?.del(key(id)).await?;
            Ok(())
        })
        .await
    }

    async fn connection(&self) -> Result<Connection, SessionsAway> {
        Ok(self.pool.get().await?)
    }
}

/// The handle could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StartCacheError {
    /// The address is of no use.
    #[error("the Redis address cannot be used")]
    Address(#[from] RedisError),
    /// The pool was set up wrongly.
    #[error("the Redis pool cannot be made")]
    Pool(#[from] BuildError),
}

/// The pool's own limits hold for each step (a turn, a connection, an answer); this one for all of them together.
async fn within<T>(question: impl Future<Output = Result<T, SessionsAway>>) -> Result<T, SessionsAway> {
    timeout(DEADLINE, question).await.unwrap_or(Err(SessionsAway::TimedOut))
}

fn key(id: Uuid) -> String {
    format!("session:{id}")
}

fn unix_s(at: DateTime<Utc>) -> u64 {
    at.timestamp().try_into().expect("sessions end after 1970")
}
