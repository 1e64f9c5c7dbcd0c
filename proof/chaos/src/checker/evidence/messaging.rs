//! The tables that every service has.

use super::{DeadLetter, Messaging, Published, Received, words::Words};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sqlx::PgPool;
use uuid::Uuid;

const PUBLISHED: &str = "select event_id, event_type, subject, created_at from published";
const OUTBOX: &str = "select event_id, event_type from outbox";
const INBOX: &str = "select event_id, event_type, source, subject from inbox";
const DEAD_LETTERS: &str =
    "select id, queue, event_id, event_type, subject, body, reason, attempts, status from dead_letters order by id";
const SEQUENCES: &str = "select subject, last from subject_sequences";

/// Row by row, since there are millions of them.
pub(super) async fn read(pool: &PgPool, words: &mut Words) -> Result<Messaging, sqlx::Error> {
    let mut messaging = Messaging::default();
    let mut rows = sqlx::query_as::<_, (Uuid, String, Uuid, DateTime<Utc>)>(PUBLISHED).fetch(pool);
    while let Some((event, event_type, subject, at)) = rows.try_next().await? {
        let event_type = words.get(&event_type);
        messaging.published.insert(
            event,
            Published {
                event_type,
                subject,
                at,
            },
        );
    }
    let mut rows = sqlx::query_as::<_, (Uuid, String, String, Uuid)>(INBOX).fetch(pool);
    while let Some((event, event_type, source, subject)) = rows.try_next().await? {
        let received = Received {
            event_type: words.get(&event_type),
            source: words.get(&source),
            subject,
        };
        messaging.inbox.insert(event, received);
    }
    let outbox: Vec<(Uuid, String)> = sqlx::query_as(OUTBOX).fetch_all(pool).await?;
    messaging.outbox = outbox
        .iter()
        .map(|(event, event_type)| (*event, words.get(event_type)))
        .collect();
    let sequences: Vec<(Uuid, i64)> = sqlx::query_as(SEQUENCES).fetch_all(pool).await?;
    messaging.sequences = sequences.into_iter().collect();
    messaging.dead_letters = dead_letters(pool, words).await?;
    Ok(messaging)
}

#[derive(sqlx::FromRow)]
struct DeadLetterRow {
    id: Uuid,
    queue: String,
    event_id: Option<Uuid>,
    event_type: Option<String>,
    subject: Option<Uuid>,
    body: Vec<u8>,
    reason: String,
    attempts: i32,
    status: String,
}

async fn dead_letters(pool: &PgPool, words: &mut Words) -> Result<Vec<DeadLetter>, sqlx::Error> {
    let rows: Vec<DeadLetterRow> = sqlx::query_as(DEAD_LETTERS).fetch_all(pool).await?;
    let dead_letter = |row: DeadLetterRow| DeadLetter {
        id: row.id,
        queue: row.queue,
        event_id: row.event_id,
        event_type: row.event_type,
        subject: row.subject,
        body: row.body,
        reason: row.reason,
        attempts: row.attempts,
        status: words.get(&row.status),
    };
    Ok(rows.into_iter().map(dead_letter).collect())
}
