//! The SQL of orders; the deadline clock, idempotency keys, sweeps and timelines have files of their own.

pub mod clock;
pub mod keys;
pub mod sweeps;
pub mod timeline;

use crate::domain::{OrderId, ProductId, Reason, State, UserId, basket::Line};
use chrono::{DateTime, Utc};
use kernel::UnknownText;
use sqlx::{PgConnection, PgExecutor};
use std::str::FromStr;
use uuid::Uuid;

/// An order without its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRecord {
    pub id: OrderId,
    pub user_id: UserId,
    pub state: State,
    pub payment_method: String,
    pub total_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Correlation id of the request that placed it.
    pub correlation_id: String,
    /// Trace of the request that placed it.
    pub traceparent: Option<String>,
    /// Number of changes, which is also the entity tag.
    pub version: i64,
    pub placed_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Number of repeated requests to give back.
    pub compensation_asks: i32,
}

/// A row of `orders`.
pub(crate) struct OrderRow {
    id: Uuid,
    user_id: Uuid,
    status: String,
    payment: String,
    stock: String,
    compensation: String,
    reason: Option<String>,
    payment_method: String,
    total_minor: i64,
    currency: String,
    correlation_id: String,
    traceparent: Option<String>,
    version: i64,
    placed_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    compensation_asks: i32,
}

impl TryFrom<OrderRow> for OrderRecord {
    type Error = sqlx::Error;

    fn try_from(row: OrderRow) -> Result<Self, sqlx::Error> {
        let state = State {
            status: parse(&row.status)?,
            payment: parse(&row.payment)?,
            stock: parse(&row.stock)?,
            compensation: parse(&row.compensation)?,
            reason: row.reason.as_deref().map(parse).transpose()?,
        };
        Ok(Self {
            id: row.id.into(),
            user_id: row.user_id.into(),
            state,
            payment_method: row.payment_method,
            total_minor: row.total_minor,
            currency: row.currency,
            correlation_id: row.correlation_id,
            traceparent: row.traceparent,
            version: row.version,
            placed_at: row.placed_at,
            updated_at: row.updated_at,
            compensation_asks: row.compensation_asks,
        })
    }
}

/// An order to insert.
#[derive(Debug)]
pub struct NewOrder<'a> {
    pub id: OrderId,
    pub user_id: UserId,
    pub lines: &'a [Line],
    pub total_minor: i64,
    /// ISO 4217 code.
    pub currency: &'a str,
    pub payment_method: &'a str,
    pub correlation_id: &'a str,
    pub traceparent: Option<&'a str>,
}

/// Inserts an order and its lines.
pub async fn insert(db: &mut PgConnection, new: &NewOrder<'_>) -> Result<OrderRecord, sqlx::Error> {
    let row = sqlx::query_as!(
        OrderRow,
        "insert into orders (id, user_id, status, payment, stock, compensation, payment_method, total_minor, currency,
            correlation_id, traceparent)
         values ($1, $2, 'placed', 'none', 'none', 'none', $3, $4, $5, $6, $7)
         returning id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, traceparent, version, placed_at, updated_at, compensation_asks",
        new.id.uuid(),
        new.user_id.uuid(),
        new.payment_method,
        new.total_minor,
        new.currency,
        new.correlation_id,
        new.traceparent,
    )
    .fetch_one(&mut *db)
    .await?;
    insert_lines(db, new.id, new.lines).await?;
    row.try_into()
}

async fn insert_lines(db: &mut PgConnection, order_id: OrderId, lines: &[Line]) -> Result<(), sqlx::Error> {
    let product_ids: Vec<Uuid> = lines.iter().map(|line| line.product_id.uuid()).collect();
    let quantities: Vec<i32> = lines.iter().map(|line| line.quantity.cast_signed()).collect();
    let prices: Vec<i64> = lines.iter().map(|line| line.unit_price_minor).collect();
    sqlx::query!(
        "insert into order_lines (order_id, position, product_id, quantity, unit_price_minor)
         select $1, line.position, line.product_id, line.quantity, line.price
         from unnest($2::uuid[], $3::integer[], $4::bigint[]) with ordinality
            as line (product_id, quantity, price, position)",
        order_id.uuid(),
        &product_ids,
        &quantities,
        &prices,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Locks an order until the transaction ends, so that its inputs are decided one at a time.
pub async fn lock(db: &mut PgConnection, id: OrderId) -> Result<Option<OrderRecord>, sqlx::Error> {
    let row = sqlx::query_as!(
        OrderRow,
        "select id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, traceparent, version, placed_at, updated_at, compensation_asks
         from orders where id = $1 for update",
        id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    row.map(OrderRecord::try_from).transpose()
}

/// The part of a change that concerns the compensation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompensationAsk {
    /// The change requests no compensation.
    None,
    /// Compensation is requested for the first time.
    First,
    /// Compensation is requested again.
    Again,
}

/// Saves the new state of a locked order, and updates `record`.
pub async fn save(db: &mut PgConnection, record: &mut OrderRecord, ask: CompensationAsk) -> Result<(), sqlx::Error> {
    let state = record.state;
    let saved = sqlx::query!(
        "update orders set status = $2, payment = $3, stock = $4, compensation = $5, reason = $6,
            version = version + 1, updated_at = now(),
            closed_at = case when $7 then now() else closed_at end,
            compensation_asked_at = case when $7 or $8 then now() else compensation_asked_at end,
            compensation_next_ask_at = case when $7 or $8 then null else compensation_next_ask_at end,
            compensation_asks = compensation_asks + $8::boolean::integer
         where id = $1 returning version, updated_at, compensation_asks",
        record.id.uuid(),
        state.status.as_str(),
        state.payment.as_str(),
        state.stock.as_str(),
        state.compensation.as_str(),
        state.reason.map(Reason::as_str),
        ask == CompensationAsk::First,
        ask == CompensationAsk::Again,
    )
    .fetch_one(db)
    .await?;
    record.version = saved.version;
    record.updated_at = saved.updated_at;
    record.compensation_asks = saved.compensation_asks;
    Ok(())
}

/// Returns an order, if it is this user's.
pub async fn find(db: impl PgExecutor<'_>, id: OrderId, user_id: UserId) -> Result<Option<OrderRecord>, sqlx::Error> {
    let row = sqlx::query_as!(
        OrderRow,
        "select id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, traceparent, version, placed_at, updated_at, compensation_asks
         from orders where id = $1 and user_id = $2",
        id.uuid(),
        user_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    row.map(OrderRecord::try_from).transpose()
}

/// Returns the owner of an order.
pub async fn owner(db: impl PgExecutor<'_>, id: OrderId) -> Result<Option<UserId>, sqlx::Error> {
    let owner = sqlx::query_scalar!("select user_id from orders where id = $1", id.uuid());
    Ok(owner.fetch_optional(db).await?.map(UserId::from))
}

/// Returns a user's orders, newest first: those before the id `before`, at most `limit`.
pub async fn list(
    db: impl PgExecutor<'_>,
    user_id: UserId,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<OrderRecord>, sqlx::Error> {
    let rows = sqlx::query_as!(
        OrderRow,
        "select id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, traceparent, version, placed_at, updated_at, compensation_asks
         from orders where user_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3",
        user_id.uuid(),
        before,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(OrderRecord::try_from).collect()
}

/// Returns the lines of some orders, each with its order's id, in the order of the lines.
pub async fn lines(db: impl PgExecutor<'_>, order_ids: &[OrderId]) -> Result<Vec<(OrderId, Line)>, sqlx::Error> {
    let order_ids: Vec<Uuid> = order_ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        "select order_id, product_id, quantity, unit_price_minor from order_lines
         where order_id = any($1) order by order_id, position",
        &order_ids,
    )
    .fetch_all(db)
    .await?;
    let line = |product_id: Uuid, quantity: i32, unit_price_minor| Line {
        product_id: ProductId::from(product_id),
        quantity: quantity.cast_unsigned(),
        unit_price_minor,
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                OrderId::from(row.order_id),
                line(row.product_id, row.quantity, row.unit_price_minor),
            )
        })
        .collect())
}

fn parse<T: FromStr<Err = UnknownText>>(text: &str) -> Result<T, sqlx::Error> {
    text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
