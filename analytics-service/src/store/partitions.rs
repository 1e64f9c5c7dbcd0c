//! SQL of the partitions of `events`, one per day.

use chrono::{Days, NaiveDate};
use sqlx::{AssertSqlSafe, PgConnection};

const PREFIX: &str = "events_";

/// Locks the set of partitions until the end of the transaction: two instances must not create the same partition.
pub(crate) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('partitions of events', 0))")
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// Returns the days that have a partition, in order.
pub(crate) async fn days(connection: &mut PgConnection) -> Result<Vec<NaiveDate>, sqlx::Error> {
    let names = sqlx::query_scalar!(
        r#"select relname::text as "name!" from pg_inherits join pg_class on pg_class.oid = inhrelid
           where inhparent = 'events'::regclass order by 1"#
    );
    let names = names.fetch_all(connection).await?;
    Ok(names.iter().filter_map(|name| day_of(name)).collect())
}

pub(crate) async fn create(connection: &mut PgConnection, day: NaiveDate) -> Result<(), sqlx::Error> {
    let name = name_of(day);
    let next = day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
    let statements = format!(
        "create table {name} (like events including defaults including constraints);
         alter table events attach partition {name} for values from ('{day}') to ('{next}')"
    );
    execute(connection, statements).await
}

/// Drops a partition with its events. It waits one second at most for the lock, since inserts queue behind it.
pub(crate) async fn drop(connection: &mut PgConnection, day: NaiveDate) -> Result<(), sqlx::Error> {
    execute(
        connection,
        format!("set local lock_timeout = '1s'; drop table if exists {}", name_of(day)),
    )
    .await
}

/// Executes statements whose names and bounds are formatted dates, and therefore safe.
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
