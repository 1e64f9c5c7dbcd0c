//! The timeline of an order: the events that this service published, is about to publish, and consumed.

use crate::domain::OrderId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use uuid::Uuid;

/// One event of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineItem {
    pub event_id: Uuid,
    pub r#type: String,
    /// Publishing service.
    pub source: String,
    /// Time at which the publisher wrote it to its outbox.
    pub timestamp: DateTime<Utc>,
    /// `published` or `pending` (not yet confirmed by the broker) for this service's events, `consumed` for others.
    pub direction: String,
}

/// Returns the oldest `limit` events about an order, by time. Ids break ties, since they ascend within a service.
pub async fn of_order(
    db: impl PgExecutor<'_>,
    order_id: OrderId,
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
        order_id.uuid(),
        own_source,
        limit,
    )
    .fetch_all(db)
    .await
}
