//! All SQL of orders. What is about idempotency keys, sweeps and timelines is in the files below.

pub mod keys;
pub mod sweeps;
pub mod timeline;

use crate::domain::{Order, basket::Line};
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned, de::IntoDeserializer};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// One order with everything but its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRecord {
    /// The order.
    pub id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// Status, facts and compensation.
    pub state: Order,
    /// Passed on to the payment provider.
    pub payment_method: String,
    /// Minor units.
    pub total_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// The correlation id of the request that placed it.
    pub correlation_id: String,
    /// The trace of the request that placed it.
    pub traceparent: Option<String>,
    /// Counts the changes.
    pub version: i64,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// How often the participants were asked again to give back.
    pub compensation_asks: i32,
}

/// The columns of `orders` as they come.
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
        let state = Order {
            status: parse(&row.status)?,
            payment: parse(&row.payment)?,
            stock: parse(&row.stock)?,
            compensation: parse(&row.compensation)?,
            reason: row.reason.as_deref().map(parse).transpose()?,
        };
        Ok(Self {
            id: row.id,
            user_id: row.user_id,
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

/// An order that is about to be placed.
#[derive(Debug)]
pub struct NewOrder<'a> {
    /// The order.
    pub id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// What was ordered, with prices.
    pub lines: &'a [Line],
    /// Minor units.
    pub total_minor: i64,
    /// ISO 4217.
    pub currency: &'a str,
    /// Passed on to the payment provider.
    pub payment_method: &'a str,
    /// The correlation id of the request.
    pub correlation_id: &'a str,
    /// The trace of the request.
    pub traceparent: Option<&'a str>,
}

/// Stores a new order and its lines.
pub async fn insert(db: &mut PgConnection, new: &NewOrder<'_>) -> Result<OrderRecord, sqlx::Error> {
    let row = sqlx::query_as!(
        OrderRow,
        "insert into orders (id, user_id, status, payment, stock, compensation, payment_method, total_minor, currency,
            correlation_id, traceparent)
         values ($1, $2, 'placed', 'none', 'none', 'none', $3, $4, $5, $6, $7)
         returning id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, traceparent, version, placed_at, updated_at, compensation_asks",
        new.id,
        new.user_id,
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

async fn insert_lines(db: &mut PgConnection, order_id: Uuid, lines: &[Line]) -> Result<(), sqlx::Error> {
    let product_ids: Vec<Uuid> = lines.iter().map(|line| line.product_id).collect();
    let quantities: Vec<i32> = lines.iter().map(|line| line.quantity.cast_signed()).collect();
    let prices: Vec<i64> = lines.iter().map(|line| line.unit_price_minor).collect();
    sqlx::query!(
        "insert into order_lines (order_id, position, product_id, quantity, unit_price_minor)
         select $1, line.position, line.product_id, line.quantity, line.price
         from unnest($2::uuid[], $3::integer[], $4::bigint[]) with ordinality
            as line (product_id, quantity, price, position)",
        order_id,
        &product_ids,
        &quantities,
        &prices,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The order, locked until the transaction ends: what is decided about it now is decided alone.
pub async fn lock(db: &mut PgConnection, id: Uuid) -> Result<Option<OrderRecord>, sqlx::Error> {
    let row = sqlx::query_as!(
        OrderRow,
        "select id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, traceparent, version, placed_at, updated_at, compensation_asks
         from orders where id = $1 for update",
        id,
    )
    .fetch_optional(db)
    .await?;
    row.map(OrderRecord::try_from).transpose()
}

/// What a change has to do with giving back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Nothing.
    Not,
    /// The participants are told to give back for the first time.
    First,
    /// They are asked again.
    Again,
}

/// Writes a locked order's new state, and brings `record` up to date.
pub async fn save(db: &mut PgConnection, record: &mut OrderRecord, asked: Asked) -> Result<(), sqlx::Error> {
    let state = record.state;
    let saved = sqlx::query!(
        "update orders set status = $2, payment = $3, stock = $4, compensation = $5, reason = $6,
            version = version + 1, updated_at = now(),
            closed_at = case when $7 then now() else closed_at end,
            compensation_asked_at = case when $7 or $8 then now() else compensation_asked_at end,
            compensation_asks = compensation_asks + $8::boolean::integer
         where id = $1 returning version, updated_at, compensation_asks",
        record.id,
        name(state.status),
        name(state.payment),
        name(state.stock),
        name(state.compensation),
        state.reason.map(name),
        asked == Asked::First,
        asked == Asked::Again,
    )
    .fetch_one(db)
    .await?;
    record.version = saved.version;
    record.updated_at = saved.updated_at;
    record.compensation_asks = saved.compensation_asks;
    Ok(())
}

/// An order, if it is this user's.
pub async fn find(db: impl PgExecutor<'_>, id: Uuid, user_id: Uuid) -> Result<Option<OrderRecord>, sqlx::Error> {
    let row = sqlx::query_as!(
        OrderRow,
        "select id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, traceparent, version, placed_at, updated_at, compensation_asks
         from orders where id = $1 and user_id = $2",
        id,
        user_id,
    )
    .fetch_optional(db)
    .await?;
    row.map(OrderRecord::try_from).transpose()
}

/// Whose order it is.
pub async fn owner(db: impl PgExecutor<'_>, id: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!("select user_id from orders where id = $1", id)
        .fetch_optional(db)
        .await
}

/// A user's orders, newest first, from below `before`.
pub async fn list(
    db: impl PgExecutor<'_>,
    user_id: Uuid,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<OrderRecord>, sqlx::Error> {
    let rows = sqlx::query_as!(
        OrderRow,
        "select id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, traceparent, version, placed_at, updated_at, compensation_asks
         from orders where user_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3",
        user_id,
        before,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(OrderRecord::try_from).collect()
}

/// The lines of some orders, each with its order's id, in their order.
pub async fn lines(db: impl PgExecutor<'_>, order_ids: &[Uuid]) -> Result<Vec<(Uuid, Line)>, sqlx::Error> {
    let rows = sqlx::query!(
        "select order_id, product_id, quantity, unit_price_minor from order_lines
         where order_id = any($1) order by order_id, position",
        order_ids,
    )
    .fetch_all(db)
    .await?;
    let line = |product_id, quantity: i32, unit_price_minor| Line {
        product_id,
        quantity: quantity.cast_unsigned(),
        unit_price_minor,
    };
    Ok(rows
        .into_iter()
        .map(|row| (row.order_id, line(row.product_id, row.quantity, row.unit_price_minor)))
        .collect())
}

/// The name under which a variant is stored, which is also its name on the wire.
fn name(variant: impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(name)) => name,
        _ => unreachable!("a variant without data is written as its name"),
    }
}

fn parse<T: DeserializeOwned>(name: &str) -> Result<T, sqlx::Error> {
    let variant: Result<T, serde::de::value::Error> = T::deserialize(name.into_deserializer());
    variant.map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
