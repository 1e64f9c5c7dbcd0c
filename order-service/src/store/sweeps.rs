//! The SQL of the sweeper and of its status section. All times are the database's.

use super::{OrderRecord, OrderRow};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use std::{collections::BTreeMap, time::Duration};

/// Longest delay before a compensation is requested again; the delay doubles each time.
const REQUEST_DELAY_MAX_S: f64 = 3600.0;

/// Locks an open order that was placed longer ago than `deadline`. Orders that are locked by another transaction are skipped.
pub async fn lock_past_deadline(db: &mut PgConnection, deadline: Duration) -> Result<Option<OrderRecord>, sqlx::Error> {
    let row = sqlx::query_as!(
        OrderRow,
        "select id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, traceparent, version, placed_at, updated_at, compensation_asks
         from orders
         where status in ('placed', 'payment_received') and placed_at <= now() - make_interval(secs => $1)
         order by placed_at limit 1 for update skip locked",
        deadline.as_secs_f64(),
    )
    .fetch_optional(db)
    .await?;
    row.map(OrderRecord::try_from).transpose()
}

/// Locks an order whose compensation was last requested longer ago than `overdue`, doubled for each request.
pub async fn lock_overdue_compensation(
    db: &mut PgConnection,
    overdue: Duration,
) -> Result<Option<OrderRecord>, sqlx::Error> {
    let row = sqlx::query_as!(
        OrderRow,
        "select id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, traceparent, version, placed_at, updated_at, compensation_asks
         from orders
         where compensation = 'pending' and compensation_asked_at <= now()
            - make_interval(secs => greatest($1, least($1 * power(2, least(compensation_asks, 20)), $2)))
         order by compensation_asked_at limit 1 for update skip locked",
        overdue.as_secs_f64(),
        REQUEST_DELAY_MAX_S,
    )
    .fetch_optional(db)
    .await?;
    row.map(OrderRecord::try_from).transpose()
}

/// The state of the saga, for the status page.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SagaReport {
    /// Number of orders by status.
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
}

/// Counts the open orders and pending compensations; the others are too many to count for each request of the page.
pub async fn report(db: impl PgExecutor<'_>, overdue: Duration) -> Result<SagaReport, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select status as "status!", count(*) as "orders!",
            count(*) filter (where compensation = 'pending') as "pending!",
            count(*) filter (where compensation = 'pending' and (compensation_asks > 0
                or compensation_asked_at <= now() - make_interval(secs => $1))) as "overdue!",
            coalesce(sum(compensation_asks) filter (where compensation = 'pending'), 0)::bigint as "asks!",
            extract(epoch from now() - min(placed_at) filter (where status in ('placed', 'payment_received')))::float8
                as oldest_open_s,
            extract(epoch from now() - min(closed_at) filter (where compensation = 'pending'))::float8
                as oldest_compensation_s
         from orders where status in ('placed', 'payment_received') or compensation = 'pending' group by status"#,
        overdue.as_secs_f64(),
    )
    .fetch_all(db)
    .await?;
    let oldest = |ages: Vec<Option<f64>>| ages.into_iter().flatten().reduce(f64::max);
    Ok(SagaReport {
        compensations_pending: rows.iter().map(|row| row.pending).sum(),
        compensations_overdue: rows.iter().map(|row| row.overdue).sum(),
        compensation_asks: rows.iter().map(|row| row.asks).sum(),
        oldest_open_s: oldest(rows.iter().map(|row| row.oldest_open_s).collect()),
        oldest_compensation_s: oldest(rows.iter().map(|row| row.oldest_compensation_s).collect()),
        by_status: rows.into_iter().map(|row| (row.status, row.orders)).collect(),
    })
}
