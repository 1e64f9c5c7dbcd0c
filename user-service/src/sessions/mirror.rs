//! Makes Redis say of a session what PostgreSQL says.

use super::SessionValue;
use crate::{
    App,
    error::{Error, SessionsAway},
    store::{self, sessions::SessionOf},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    database::Tx,
    id,
    messaging::{
        failure::Failure,
        intents::{Intent, PerformFuture},
    },
};
use std::time::Duration;
use uuid::Uuid;

/// The kind of the intents that [`mirror_soon`] writes and [`perform`] performs.
pub const MIRROR: &str = "mirror-session";

/// Asking Redis costs little, and until it follows, a session that was ended is still good at the gateway.
const REDIS_BACK: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    session_id: Uuid,
}

/// Writes down, with the change of a session's rows, that its copy in Redis is to follow. It does, whatever dies meanwhile.
pub async fn mirror_soon(tx: &mut Tx, session: SessionOf) -> Result<(), sqlx::Error> {
    tx.intend(MIRROR, id::new(), session.user_id, &Payload { session_id: session.id })
        .await
}

/// Lets the copy follow before the client has its answer. If that fails, the intent is still there.
pub async fn mirror_now(app: &App, session_id: Uuid) {
    if let Err(error) = mirror(app, session_id).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(session.id = %session_id, error, "a session's copy in Redis is late, the intent will bring it");
    }
}

/// Performs the intent that [`mirror_soon`] wrote.
pub fn perform<'a>(app: &'a App, intent: &'a Intent) -> PerformFuture<'a> {
    Box::pin(async move {
        let payload = Payload::deserialize(&intent.payload)
            .map_err(|error| Failure::permanent(format!("the payload of {MIRROR} cannot be read: {error}")))?;
        mirror(app, payload.session_id).await.map_err(|error| match error {
            Error::Database(error) => error.into(),
            error => Failure::retry_after(REDIS_BACK, error.to_string()),
        })?;
        let mut tx = app.database.begin(&intent.context()).await?;
        if tx.finish(intent).await? {
            tx.commit().await?;
        }
        Ok(())
    })
}

/// Writes what the rows say, then looks again: somebody else may have changed the rows, and even have written the newer
/// copy, between our look and our writing. Who writes last has looked after it, so what stays is true.
async fn mirror(app: &App, session_id: Uuid) -> Result<(), Error> {
    let mut truth = store::sessions::find_value(&mut *app.database.acquire().await?, session_id).await?;
    loop {
        write(app, session_id, truth.as_ref()).await?;
        let now = store::sessions::find_value(&mut *app.database.acquire().await?, session_id).await?;
        if now == truth {
            return Ok(());
        }
        truth = now;
    }
}

async fn write(app: &App, session_id: Uuid, truth: Option<&(SessionValue, DateTime<Utc>)>) -> Result<(), SessionsAway> {
    match truth {
        Some((value, expires_at)) => app.sessions.put(session_id, value, *expires_at).await,
        None => app.sessions.remove(session_id).await,
    }
}
