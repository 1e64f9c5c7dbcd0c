//! An order's journey, from what this service published, is about to publish, and consumed.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use uuid::Uuid;

/// One event of the journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineItem {
    /// The event.
    pub event_id: Uuid,
    /// Its type.
    pub r#type: String,
    /// The service that says so.
    pub source: String,
    /// When it was written down there.
    pub timestamp: DateTime<Utc>,
    /// `published` or `pending` (written down, not yet confirmed by the broker) where it is ours, `consumed` otherwise.
    pub direction: String,
}

/// The oldest `limit` events about an order, in the order of their times. Ids break ties: they grow within a service.
pub async fn of_order(
    db: impl PgExecutor<'_>,
    order_id: Uuid,
    own_source: &str,
    limit: i64,
) -> Result<Vec<TimelineItem>, sqlx::Error> {
    sqlx::query_as!(
        TimelineItem,
        r#"select event_id as "event_id!", event_type as "type!", source as "source!", at as "timestamp!",
            direction as "direction!"
         from (
            select event_id, event_type, $2::text as source, created_at as at, 'published' as direction
            from published where subject = $1
            union all
            select event_id, event_type, $2::text, created_at, 'pending' from outbox where subject = $1
            union all
            select event_id, event_type, source, event_at, 'consumed' from inbox where subject = $1
         ) events
         order by at, event_id limit $3"#,
        order_id,
        own_source,
        limit,
    )
    .fetch_all(db)
    .await
}
