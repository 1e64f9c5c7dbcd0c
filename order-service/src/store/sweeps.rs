//! The SQL of the sweeper and of its status section. All times are the database's.

use super::{
    OrderRecord, OrderRow,
    clock::{self, ClockReport, Steps},
};
use serde::Serialize;
use sqlx::PgConnection;
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

/// Most orders of one statement, and so of one transaction.
pub const BATCH: i64 = 100;
/// Most orders that are looked at in one statement for their deadline to begin.
const LOOKED_AT_MAX: i64 = 1_000;
/// Longest delay before a compensation is requested again; the delay doubles each time.
const REQUEST_DELAY_MAX_S: f64 = 3600.0;
/// Number up to which the status page counts.
const COUNTED_MAX: i64 = 10_000;

/// Begins the deadlines of open orders whose `order.placed` has left the outbox, which it does when the broker has confirmed
/// it. Looks at a limited number of orders, those after the id `after`; returns the last of them, `None` at the end.
pub async fn begin_deadlines(
    db: &mut PgConnection,
    after: Option<Uuid>,
    deadline: Duration,
) -> Result<Option<Uuid>, sqlx::Error> {
    let row = sqlx::query!(
        r#"with looked_at as (
            select id from orders
            where status in ('placed', 'payment_received') and deadline_ms is null and id > $1
            order by id limit $2
         ), asked as (
            select orders.id from orders join looked_at using (id)
            where not exists (select 1 from outbox where subject = orders.id and event_type = 'order.placed')
            for update of orders skip locked
         ), begun as (
            update orders set deadline_ms = elapsed_ms + ($3::float8 * 1000)::bigint
            from asked, deadline_clock where orders.id = asked.id
         )
         select count(*) as "looked_at!", (select id from looked_at order by id desc limit 1) as last from looked_at"#,
        after.unwrap_or_default(),
        LOOKED_AT_MAX,
        Steps::of(deadline).rounded_up(deadline).as_secs_f64(),
    )
    .fetch_one(db)
    .await?;
    Ok(row.last.filter(|_| row.looked_at == LOOKED_AT_MAX))
}

/// Locks open orders whose deadline the clock has passed, at most [`BATCH`]. Orders that are locked by another transaction are
/// skipped.
pub async fn lock_past_deadline(db: &mut PgConnection) -> Result<Vec<OrderRecord>, sqlx::Error> {
    let rows = sqlx::query_as!(
        OrderRow,
        "select id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, traceparent, version, placed_at, updated_at, compensation_asks
         from orders
         where status in ('placed', 'payment_received')
            and deadline_ms <= (select elapsed_ms from deadline_clock where elapsed_ms >= settled_at_ms)
         order by deadline_ms limit $1 for update skip locked",
        BATCH,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(OrderRecord::try_from).collect()
}

/// Schedules the next request of compensations that were requested: after `overdue`, doubled for each repeated request. Returns
/// the number of them, at most [`BATCH`].
pub async fn schedule_asks(db: &mut PgConnection, overdue: Duration) -> Result<u64, sqlx::Error> {
    let scheduled = sqlx::query!(
        "update orders set compensation_next_ask_at = compensation_asked_at
            + make_interval(secs => greatest($1, least($1 * power(2, least(compensation_asks, 20)), $2)))
         where id = any(array(select id from orders where compensation = 'pending' and compensation_next_ask_at is null
                              order by id limit $3 for update skip locked))",
        overdue.as_secs_f64(),
        REQUEST_DELAY_MAX_S,
        BATCH,
    )
    .execute(db)
    .await?;
    Ok(scheduled.rows_affected())
}

/// Locks orders whose compensation is due to be requested again, at most [`BATCH`].
pub async fn lock_overdue_compensations(db: &mut PgConnection) -> Result<Vec<OrderRecord>, sqlx::Error> {
    let rows = sqlx::query_as!(
        OrderRow,
        "select id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, traceparent, version, placed_at, updated_at, compensation_asks
         from orders where compensation = 'pending' and compensation_next_ask_at <= now()
         order by compensation_next_ask_at limit $1 for update skip locked",
        BATCH,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(OrderRecord::try_from).collect()
}

/// Returns the id of the newest event that this service has written about an order.
pub async fn newest_event(db: &mut PgConnection, order_id: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select event_id as "event_id!" from (
            select event_id from outbox where subject = $1
            union all select event_id from published where subject = $1) as events
         order by event_id desc limit 1"#,
        order_id,
    )
    .fetch_optional(db)
    .await
}

/// The state of the saga, for the status page. Counts end at 10,000.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SagaReport {
    /// Number of open orders, and of those whose compensation is pending, by status.
    pub by_status: BTreeMap<String, i64>,
    /// Number of failed or cancelled orders whose compensation is pending.
    pub compensations_pending: i64,
    /// Number of those that were requested again, or are due to be.
    pub compensations_overdue: i64,
    /// Number of repeated requests for those.
    pub compensation_asks: i64,
    /// Age of the oldest order that waits for payment or stock, in seconds.
    pub oldest_open_s: Option<f64>,
    /// Age of the oldest pending compensation, in seconds.
    pub oldest_compensation_s: Option<f64>,
    /// The deadline clock.
    pub clock: ClockReport,
}

/// Reads the state of the saga. However many orders are open or pending, it reads a limited number of rows: those that wait
/// longest.
pub async fn report(db: &mut PgConnection, overdue: Duration, steps: Steps) -> Result<SagaReport, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select status as "status!", count(*) as "orders!", count(*) filter (where is_pending) as "pending!",
            count(*) filter (where is_pending and (compensation_asks > 0 or next_ask_at <= now())) as "overdue!",
            coalesce(sum(compensation_asks) filter (where is_pending), 0)::bigint as "asks!",
            extract(epoch from now() - min(placed_at) filter (where not is_pending))::float8 as oldest_open_s,
            extract(epoch from now() - min(closed_at) filter (where is_pending))::float8 as oldest_compensation_s
         from (
            (select status, false as is_pending, compensation_asks, null::timestamptz as next_ask_at, placed_at, closed_at
             from orders where status in ('placed', 'payment_received') order by placed_at limit $2)
            union all
            (select status, true, compensation_asks,
                coalesce(compensation_next_ask_at, compensation_asked_at + make_interval(secs => $1)), placed_at, closed_at
             from orders where compensation = 'pending' order by closed_at limit $2)
         ) as waiting group by status"#,
        overdue.as_secs_f64(),
        COUNTED_MAX,
    )
    .fetch_all(&mut *db)
    .await?;
    let oldest = |ages: Vec<Option<f64>>| ages.into_iter().flatten().reduce(f64::max);
    Ok(SagaReport {
        compensations_pending: rows.iter().map(|row| row.pending).sum(),
        compensations_overdue: rows.iter().map(|row| row.overdue).sum(),
        compensation_asks: rows.iter().map(|row| row.asks).sum(),
        oldest_open_s: oldest(rows.iter().map(|row| row.oldest_open_s).collect()),
        oldest_compensation_s: oldest(rows.iter().map(|row| row.oldest_compensation_s).collect()),
        by_status: rows.into_iter().map(|row| (row.status, row.orders)).collect(),
        clock: clock::report(db, steps).await?,
    })
}
