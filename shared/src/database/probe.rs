//! Whether the database answers.

use super::Database;
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use tokio::{sync::Mutex, time::timeout};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Asks on a connection of its own: that all connections of the pool are at work is no sign of a database that is away,
/// and a service that is taken out of service because it is busy leaves its work to others who are as busy.
#[derive(Debug)]
pub(crate) struct Probe {
    database: Database,
    connection: Mutex<Option<PgConnection>>,
}

impl Probe {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            database,
            connection: Mutex::new(None),
        }
    }

    /// Whether the database has just answered.
    pub(crate) async fn is_answered(&self) -> bool {
        matches!(timeout(ANSWER_TIMEOUT, self.ask()).await, Ok(Ok(())))
    }

    async fn ask(&self) -> Result<(), sqlx::Error> {
        let mut slot = self.connection.lock().await;
        // Taken out while it is in doubt: one whose answer is not waited for must not be asked again.
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
