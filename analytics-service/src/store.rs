//! All SQL of this service.

pub(crate) mod partitions;

use crate::domain::Counter;
use chrono::{DateTime, NaiveDate, Utc};
use messaging::Envelope;
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use uuid::Uuid;

/// One event of a timeline, as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TimelineItem {
    event_id: Uuid,
    #[serde(rename = "type")]
    event_type: String,
    source: String,
    timestamp: DateTime<Utc>,
    correlation_id: String,
    sequence: i64,
    data: Value,
}

/// The number of all events of a type.
pub(crate) struct Total {
    pub(crate) event_type: String,
    pub(crate) events: i64,
}

/// The number of events of a type in one hour of a day.
pub(crate) struct HourCount {
    pub(crate) event_type: String,
    pub(crate) hour: i16,
    pub(crate) events: i64,
}

/// Inserts events. Their inbox rows, inserted in the same transaction, show that they are new.
pub(crate) async fn insert_events(
    connection: &mut PgConnection,
    stored_on: NaiveDate,
    events: &[Envelope],
) -> Result<(), sqlx::Error> {
    let encode = |event| serde_json::to_value(event).map_err(|error| sqlx::Error::Encode(Box::new(error)));
    let envelopes = events.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
    let metadata = || events.iter().map(|event| &event.metadata);
    sqlx::query!(
        "insert into events (stored_on, event_id, event_type, source, subject, correlation_id, sequence, event_at, envelope)
         select $1, * from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::bigint[],
                                  $8::timestamptz[], $9::jsonb[])",
        stored_on,
        &metadata().map(|metadata| metadata.event_id).collect::<Vec<_>>(),
        &events.iter().map(|event| event.event_type.clone()).collect::<Vec<_>>(),
        &metadata().map(|metadata| metadata.source.clone()).collect::<Vec<_>>(),
        &metadata().map(|metadata| metadata.subject).collect::<Vec<_>>(),
        &metadata().map(|metadata| metadata.correlation_id.clone()).collect::<Vec<_>>(),
        &metadata().map(|metadata| metadata.sequence).collect::<Vec<_>>(),
        &metadata().map(|metadata| metadata.timestamp).collect::<Vec<_>>(),
        &envelopes
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds to the counters, in the order of their keys.
pub(crate) async fn add_to_counters(
    connection: &mut PgConnection,
    counts: &BTreeMap<Counter, i64>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into counters (day, hour, event_type, events)
         select * from unnest($1::date[], $2::smallint[], $3::text[], $4::bigint[]) as new (day, hour, event_type, events)
         order by day, hour, event_type
         on conflict (day, hour, event_type) do update set events = counters.events + excluded.events",
        &counts.keys().map(|counter| counter.day).collect::<Vec<_>>(),
        &counts.keys().map(|counter| counter.hour).collect::<Vec<_>>(),
        &counts.keys().map(|counter| counter.event_type.clone()).collect::<Vec<_>>(),
        &counts.values().copied().collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the newest `limit` events about a subject, ordered by time, then source, then the source's own sequence.
pub(crate) async fn timeline(
    connection: &mut PgConnection,
    subject: Uuid,
    limit: i64,
) -> Result<Vec<TimelineItem>, sqlx::Error> {
    sqlx::query_as!(
        TimelineItem,
        r#"select * from (
               select event_id, event_type, source, event_at as timestamp, correlation_id, sequence,
                      envelope->'data' as "data!"
               from events where subject = $1 order by event_at desc, source desc, sequence desc limit $2
           ) newest order by timestamp, source, sequence"#,
        subject,
        limit
    )
    .fetch_all(connection)
    .await
}

/// Returns the number of all events of each type.
pub(crate) async fn totals(connection: &mut PgConnection) -> Result<Vec<Total>, sqlx::Error> {
    sqlx::query_as!(
        Total,
        r#"select event_type, sum(events)::bigint as "events!"
           from counters group by event_type order by event_type"#
    )
    .fetch_all(connection)
    .await
}

/// Returns the number of events of each type in each hour of a day.
pub(crate) async fn hour_counts(connection: &mut PgConnection, day: NaiveDate) -> Result<Vec<HourCount>, sqlx::Error> {
    sqlx::query_as!(
        HourCount,
        "select event_type, hour, events from counters where day = $1 order by event_type, hour",
        day
    )
    .fetch_all(connection)
    .await
}
