//! A probe of the database, for readiness.

use crate::pool::Database;
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use tokio::{sync::Mutex, time::timeout};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Pings the database on a connection beside the pool.
///
/// A pool whose connections are all busy is no sign of an unavailable database, and taking a busy instance out of rotation
/// only moves its load to instances that are as busy.
#[derive(Debug)]
pub struct Probe {
    database: Database,
    connection: Mutex<Option<PgConnection>>,
}

impl Probe {
    /// Prepares a probe; it connects when it first asks.
    pub fn new(database: Database) -> Self {
        Self {
            database,
            connection: Mutex::new(None),
        }
    }

    /// Returns true if the database answers within 2 s.
    pub async fn is_answered(&self) -> bool {
        matches!(timeout(ANSWER_TIMEOUT, self.ask()).await, Ok(Ok(())))
    }

    async fn ask(&self) -> Result<(), sqlx::Error> {
        let mut slot = self.connection.lock().await;
        // Taken out of the slot while in use: a connection whose answer was not awaited must not be asked again.
        if let Some(mut connection) = slot.take()
            && connection.ping().await.is_ok()
        {
            *slot = Some(connection);
            return Ok(());
        }
        let mut connection = self.database.connect().await?;
        connection.ping().await?;
        *slot = Some(connection);
        Ok(())
    }
}
