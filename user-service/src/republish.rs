//! Tells every user again, so that consumers can rebuild their projections.
//!
//! One intent is one batch, and its last statement writes the intent of the next: however many users there are, memory
//! stays small, and a restart goes on where it stopped.

use crate::{App, events, store};
use serde::{Deserialize, Serialize};
use shared::{
    database::Tx,
    id,
    messaging::{
        failure::Failure,
        intents::{Intent, PerformFuture},
    },
};
use uuid::Uuid;

/// The kind of the intents that [`begin`] writes and [`perform`] performs.
pub const REPUBLISH: &str = "republish-users";
const BATCH: i64 = 200;

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    after: Uuid,
}

/// Writes down that all users are to be told again.
pub async fn begin(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let run = id::new();
    tx.intend(REPUBLISH, run, run, &Payload { after: Uuid::nil() }).await
}

/// Tells one batch.
pub fn perform<'a>(app: &'a App, intent: &'a Intent) -> PerformFuture<'a> {
    Box::pin(async move {
        let Payload { after } = Payload::deserialize(&intent.payload)
            .map_err(|error| Failure::permanent(format!("the payload of {REPUBLISH} cannot be read: {error}")))?;
        let mut tx = app.database.begin(&intent.context()).await?;
        let users = store::users::hold_batch(&mut tx, after, BATCH).await?;
        for user in &users {
            events::updated(&mut tx, user).await?;
        }
        if let Some(last) = users.last() {
            tx.intend(REPUBLISH, id::new(), intent.subject, &Payload { after: last.id })
                .await?;
        }
        if tx.finish(intent).await? {
            tx.commit().await?;
        }
        Ok(())
    })
}
