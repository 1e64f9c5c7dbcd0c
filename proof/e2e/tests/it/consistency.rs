//! The consistency of the whole platform: each order in an end state that all services agree on, money and stock conserved.
//!
//! It is recomputed from the services' tables and the provider's log.

use platform_client::{HarnessError, agreement::OrderEnd, ledger, platform::Platform};
use sqlx::PgPool;
use std::collections::HashMap;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct OrderRow {
    id: Uuid,
    status: String,
    payment: String,
    stock: String,
    compensation: String,
    total_minor: i64,
}

/// Checks every order and product. The error lists all that disagrees.
pub(crate) async fn check(platform: &Platform) -> Result<(), HarnessError> {
    let pool = |variable| platform.environment.pool(variable);
    let orders: Vec<OrderRow> =
        sqlx::query_as("select id, status, payment, stock, compensation, total_minor from orders")
            .fetch_all(&pool("ORDER_DATABASE_URL")?)
            .await?;
    let payments = states(&pool("PAYMENT_DATABASE_URL")?, "select order_id, state from payments").await?;
    let stock = pool("PRODUCT_DATABASE_URL")?;
    let reservations = states(&stock, "select order_id, state from reservations").await?;
    let mut accounts = ledger::accounts(&ledger::fetch(platform).await?);
    let mut wrong = stock_disagreements(&stock).await?;
    for order in &orders {
        let end = OrderEnd {
            status: &order.status,
            payment: &order.payment,
            stock: &order.stock,
            compensation: &order.compensation,
            total_minor: order.total_minor,
            payment_state: payments.get(&order.id).map(String::as_str),
            reservation_state: reservations.get(&order.id).map(String::as_str),
            account: accounts.entry(order.id).or_default(),
        };
        if !end.is_agreed() {
            wrong.push(format!("order {} is in no agreed end state: {end}", order.id));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(HarnessError::Unexpected(wrong.join("\n")))
    }
}

async fn states(database: &PgPool, statement: &'static str) -> Result<HashMap<Uuid, String>, HarnessError> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(statement).fetch_all(database).await?;
    Ok(rows.into_iter().collect())
}

/// Each product's counters are the sum of its movements, and its reserved and sold pieces those that orders hold.
async fn stock_disagreements(stock: &PgPool) -> Result<Vec<String>, HarnessError> {
    let rows: Vec<(Uuid, i64, i64, i64, i64, i64)> = sqlx::query_as(
        "select p.id, p.initial + p.restocked, p.available, p.reserved, p.sold,
                coalesce((select sum((item->>'quantity')::bigint) from reservations r, jsonb_array_elements(r.items) item
                          where r.state in ('reserved', 'sold') and (item->>'productId')::uuid = p.id), 0)::bigint
         from products p",
    )
    .fetch_all(stock)
    .await?;
    let wrong = rows
        .into_iter()
        .filter(|(_, brought_in, available, reserved, sold, held)| {
            *available < 0 || brought_in - available != reserved + sold || *held != reserved + sold
        });
    Ok(wrong
        .map(|row| format!("a product's stock does not add up: {row:?}"))
        .collect())
}
