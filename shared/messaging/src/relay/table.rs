//! The SQL of the relay.

use super::routes::Route;
use crate::{exchange::EXCHANGE, outbox::OutboxRow};
use sqlx::PgConnection;
use std::time::Duration;

/// Number of shards of an outbox. A subject belongs to one of them.
pub(super) const SHARDS: i32 = 16;
/// Rows of one read.
pub(super) const READ_ROWS: usize = 500;
/// Bytes of one read, above which it ends early.
const READ_BYTES: i64 = 8 * 1024 * 1024;
/// Held rows that are tried again at once.
const DUE_ROWS: i64 = 50;

/// The shard of a row: the last byte of its subject, which is random in UUIDs of every version.
macro_rules! shard {
    () => {
        "(get_byte(uuid_send(coalesce(subject, event_id)), 15) & 15)"
    };
}

/// The columns of an [`OutboxRow`].
macro_rules! columns {
    () => {
        concat!(
            "id, event_id, exchange, routing_key, event_type, subject, body, correlation_id, traceparent, created_at,
             retry_at is not null as held, ",
            shard!(),
            " as shard"
        )
    };
}

/// What is certain about the ids of rows at one moment.
///
/// A transaction takes its id of a row before it commits, so a row can become visible after one with a higher id.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(super) struct Horizon {
    /// The highest id given out.
    pub(super) last_id: i64,
    /// Transactions below it have ended.
    pub(super) xmin: i64,
    /// Transactions from it on had not begun to write.
    pub(super) next: i64,
}

/// Rows in the order of their ids, and whether there may be more behind them.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) rows: Vec<OutboxRow>,
    pub(super) is_full: bool,
}

/// Returns what is certain about the ids now.
///
/// The next transaction id is `age`'s zero. `pg_snapshot_xmax` is another: one past the newest that has *ended*, so that a
/// running transaction may be that or a later one.
pub(super) async fn horizon(connection: &mut PgConnection) -> Result<Horizon, sqlx::Error> {
    sqlx::query_as(
        "select case when is_called then last_value else 0 end as last_id, oldest::text::bigint as xmin,
                oldest::text::bigint + age(oldest::xid) as next
         from outbox_id_seq, pg_snapshot_xmin(pg_current_snapshot()) as oldest",
    )
    .fetch_one(connection)
    .await
}

/// Returns rows of the shards whose ids are above `after` and not in `known`.
pub(super) async fn read(
    connection: &mut PgConnection,
    after: i64,
    known: &[i64],
    shards: &[i32],
) -> Result<Read, sqlx::Error> {
    let rows: Vec<OutboxRow> = sqlx::query_as(concat!(
        "select * from (
             select found.*, sum(octet_length(body)) over (order by id) - octet_length(body) as bytes_before
             from (select ",
        columns!(),
        " from outbox where id > $1 and id <> all($2) and ",
        shard!(),
        " = any($3) order by id limit $4) found) bounded
         where bytes_before < $5 order by id"
    ))
    .bind(after)
    .bind(known)
    .bind(shards)
    .bind(i64::try_from(READ_ROWS).unwrap_or(i64::MAX))
    .bind(READ_BYTES)
    .fetch_all(connection)
    .await?;
    let bytes: usize = rows.iter().map(|row| row.body.len()).sum();
    let is_full = rows.len() == READ_ROWS || i64::try_from(bytes).is_ok_and(|bytes| bytes >= READ_BYTES);
    Ok(Read { rows, is_full })
}

/// Returns held rows whose next attempt is due.
pub(super) async fn due(connection: &mut PgConnection, shards: &[i32]) -> Result<Vec<OutboxRow>, sqlx::Error> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from outbox where retry_at <= now() and ",
        shard!(),
        " = any($1) order by retry_at limit $2"
    ))
    .bind(shards)
    .bind(DUE_ROWS)
    .fetch_all(connection)
    .await
}

/// Returns the oldest row of a refused route that is the first of its subject; `None` if the route has no row.
pub(super) async fn first_of(
    connection: &mut PgConnection,
    route: &Route,
    shards: &[i32],
) -> Result<Option<OutboxRow>, sqlx::Error> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from outbox o where exchange = $1 and routing_key = $2 and ",
        shard!(),
        " = any($3)
           and not exists (select 1 from outbox older where older.subject = o.subject and older.id < o.id)
         order by id limit 1"
    ))
    .bind(&route.exchange)
    .bind(&route.routing_key)
    .bind(shards)
    .fetch_optional(connection)
    .await
}

/// Deletes the rows and records their events as published. Replayed dead letters are other services' events, and loop-backs are
/// no events for others: neither is recorded.
///
/// The transaction does not wait for the disk: what a crash of the database takes back is published once more. It is planned
/// each time, and by the index: a plan made for an almost empty outbox reads all of a long one.
pub(super) async fn mark_published(connection: &mut PgConnection, ids: &[i64]) -> Result<(), sqlx::Error> {
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    let statements = format!(
        "set local synchronous_commit = off; set local enable_seqscan = off;
         with gone as (delete from outbox where id = any('{{{}}}')
                       returning event_id, event_type, subject, correlation_id, created_at, exchange)
         insert into published (event_id, event_type, subject, correlation_id, created_at)
         select event_id, event_type, subject, correlation_id, created_at from gone where exchange = '{EXCHANGE}'
         on conflict (event_id) do nothing",
        ids.join(",")
    );
    let marking = sqlx::raw_sql(sqlx::AssertSqlSafe(statements));
    marking.execute(connection).await.map(drop)
}

/// Holds back a row that the broker refused or returned: 1 s, 2 s, 4 s … up to 64 s.
pub(super) async fn hold(connection: &mut PgConnection, id: i64, error: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update outbox set refusals = refusals + 1, last_error = $2,
                retry_at = now() + make_interval(secs => power(2, least(refusals, 6)))
         where id = $1",
    )
    .bind(id)
    .bind(error)
    .execute(connection)
    .await
    .map(drop)
}

/// Notes that the broker refuses a route.
pub(super) async fn refuse(
    connection: &mut PgConnection,
    route: &Route,
    refusals: u32,
    retry_after: Duration,
    error: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into outbox_refusals (exchange, routing_key, refusals, last_error, retry_at)
         values ($1, $2, $3, $4, now() + make_interval(secs => $5))
         on conflict (exchange, routing_key) do update
            set refusals = excluded.refusals, last_error = excluded.last_error, retry_at = excluded.retry_at",
    )
    .bind(&route.exchange)
    .bind(&route.routing_key)
    .bind(i32::try_from(refusals).unwrap_or(i32::MAX))
    .bind(error)
    .bind(retry_after.as_secs_f64())
    .execute(connection)
    .await
    .map(drop)
}

/// Notes that the broker takes a route again.
pub(super) async fn accept(connection: &mut PgConnection, route: &Route) -> Result<(), sqlx::Error> {
    sqlx::query("delete from outbox_refusals where exchange = $1 and routing_key = $2")
        .bind(&route.exchange)
        .bind(&route.routing_key)
        .execute(connection)
        .await
        .map(drop)
}

/// A refused route, with the seconds until its next trial.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct RefusedRow {
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) refusals: i32,
    pub(super) retry_after_s: f64,
}

/// Returns the refused routes.
pub(super) async fn refused(connection: &mut PgConnection) -> Result<Vec<RefusedRow>, sqlx::Error> {
    sqlx::query_as(
        "select exchange, routing_key, refusals,
                greatest(extract(epoch from retry_at - now()), 0)::float8 as retry_after_s
         from outbox_refusals",
    )
    .fetch_all(connection)
    .await
}
