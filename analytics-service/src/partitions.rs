//! Makes the partitions of `events` ahead of time and drops the old ones.
//!
//! Inserts go on meanwhile: a partition is attached, which does not conflict with them, and dropped only if the lock for
//! it is had at once or shortly; otherwise the next round does it.

use crate::domain;
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};
use shared::{clock, context::Context, database::Database};
use sqlx::{AssertSqlSafe, PgConnection};
use std::{num::NonZeroU16, time::Duration};
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_mins(10);
const PREFIX: &str = "events_";

/// Keeps the partitions in order until it is stopped. Any number of instances may.
pub(crate) async fn work(database: Database, retention_days: NonZeroU16, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        if let Err(error) = maintain(&database, clock::now().date_naive(), retention_days).await {
            tracing::error!(%error, "the partitions of events cannot be maintained");
        }
    }
}

/// Makes what `today` and the days after it need; drops what was stored more than `retention_days` before `today`.
pub async fn maintain(database: &Database, today: NaiveDate, retention_days: NonZeroU16) -> Result<(), sqlx::Error> {
    let mut tx = database.begin(&Context::new()).await?;
    take_turns(&mut tx).await?;
    let existing = days(&mut tx).await?;
    for day in domain::days_ahead(today).filter(|day| !existing.contains(day)) {
        create(&mut tx, day).await?;
    }
    tx.commit().await?;
    let first_kept = domain::first_kept(today, retention_days);
    for day in existing.into_iter().filter(|day| *day < first_kept) {
        let mut tx = database.begin(&Context::new()).await?;
        take_turns(&mut tx).await?;
        drop_day(&mut tx, day).await?;
        tx.commit().await?;
        tracing::info!(%day, "events were dropped for their age");
    }
    Ok(())
}

/// The section of `/internal/status`.
pub(crate) async fn status(database: Database) -> Value {
    let days = async {
        let mut connection = database.acquire().await?;
        days(&mut connection).await
    };
    match days.await {
        Ok(days) => json!({ "partitions": days.len(), "first": days.first(), "last": days.last() }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

/// The days that have a partition, in order.
async fn days(connection: &mut PgConnection) -> Result<Vec<NaiveDate>, sqlx::Error> {
    let names = sqlx::query_scalar!(
        r#"select relname::text as "name!" from pg_inherits join pg_class on pg_class.oid = inhrelid
           where inhparent = 'events'::regclass order by 1"#
    );
    let names = names.fetch_all(connection).await?;
    Ok(names.iter().filter_map(|name| day_of(name)).collect())
}

/// Two instances that find the same partition missing must not both make it.
async fn take_turns(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('partitions of events', 0))")
        .fetch_one(connection)
        .await?;
    Ok(())
}

async fn create(connection: &mut PgConnection, day: NaiveDate) -> Result<(), sqlx::Error> {
    let name = name_of(day);
    let next = day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
    let statements = format!(
        "create table {name} (like events including defaults including constraints);
         alter table events attach partition {name} for values from ('{day}') to ('{next}')"
    );
    execute(connection, statements).await
}

async fn drop_day(connection: &mut PgConnection, day: NaiveDate) -> Result<(), sqlx::Error> {
    // Inserts would queue behind us while we wait for a long read.
    execute(
        connection,
        format!("set local lock_timeout = '1s'; drop table if exists {}", name_of(day)),
    )
    .await
}

/// Safe: names and bounds are made of dates only.
async fn execute(connection: &mut PgConnection, statements: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(connection).await?;
    Ok(())
}

fn name_of(day: NaiveDate) -> String {
    format!("{PREFIX}{}", day.format("%Y%m%d"))
}

fn day_of(name: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(name.strip_prefix(PREFIX)?, "%Y%m%d").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_named_after_its_day() {
        let day = NaiveDate::from_ymd_opt(2026, 2, 3).unwrap();
        assert_eq!(name_of(day), "events_20260203");
        assert_eq!(day_of("events_20260203"), Some(day));
        assert_eq!(day_of("events_by_hand"), None);
    }
}
