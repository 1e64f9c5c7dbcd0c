//! The inbox: one row for each event that took effect, so that it takes effect once.

use crate::envelope::Envelope;
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;

/// Inserts the events and returns the ids that are new. The others are duplicates, and must not take effect again.
///
/// While another transaction holds the same `event_id` uncommitted, the insert waits for its outcome.
pub(crate) async fn insert(connection: &mut PgConnection, events: &[Envelope]) -> Result<HashSet<Uuid>, sqlx::Error> {
    let mut events: Vec<&Envelope> = events.iter().collect();
    // In one order, so that two instances with the same events do not deadlock.
    events.sort_by_key(|event| event.metadata.event_id);
    let column = |field: fn(&Envelope) -> &str| events.iter().map(|event| field(event)).collect::<Vec<_>>();
    let inserted: Vec<Uuid> = sqlx::query_scalar(
        "insert into inbox (event_id, event_type, source, subject, correlation_id, event_at)
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[])
         on conflict (event_id) do nothing returning event_id",
    )
    .bind(events.iter().map(|event| event.metadata.event_id).collect::<Vec<_>>())
    .bind(column(|event| &event.event_type))
    .bind(column(|event| &event.metadata.source))
    .bind(events.iter().map(|event| event.metadata.subject).collect::<Vec<_>>())
    .bind(column(|event| &event.metadata.correlation_id))
    .bind(events.iter().map(|event| event.metadata.timestamp).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(inserted.into_iter().collect())
}

/// Deletes the row of an event.
pub(crate) async fn delete(connection: &mut PgConnection, event_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from inbox where event_id = $1")
        .bind(event_id)
        .execute(connection)
        .await
        .map(drop)
}
