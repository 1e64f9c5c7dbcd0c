//! The JSON form of an order, and its entity tag.

use crate::{
    domain::{Compensation, OrderId, Payment, Reason, Status, Stock, UserId, basket::Line},
    error::Error,
    store::{self, OrderRecord},
};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::header::ETAG;
use serde::Serialize;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;
use web::extract::Json;

/// The JSON form of an order. It is built only from the order's row and its lines, which never change, so the version of the
/// row is a strong entity tag.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderBody {
    id: OrderId,
    user_id: UserId,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    payment: Payment,
    stock: Stock,
    compensation: Compensation,
    items: Vec<Line>,
    total_minor: i64,
    currency: String,
    payment_method: String,
    placed_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl OrderBody {
    pub(super) fn id(&self) -> Uuid {
        self.id.uuid()
    }

    pub(super) fn new(order: OrderRecord, items: Vec<Line>) -> Self {
        Self {
            id: order.id,
            user_id: order.user_id,
            status: order.state.status,
            reason: order.state.reason,
            payment: order.state.payment,
            stock: order.state.stock,
            compensation: order.state.compensation,
            items,
            total_minor: order.total_minor,
            currency: order.currency,
            payment_method: order.payment_method,
            placed_at: order.placed_at,
            updated_at: order.updated_at,
        }
    }
}

/// Returns the strong entity tag of an order.
pub(super) fn etag(order: &OrderRecord) -> String {
    format!("\"{}\"", order.version)
}

/// Loads the lines of `orders`, and returns the orders with them, in the same order.
pub(super) async fn load(connection: &mut PgConnection, orders: Vec<OrderRecord>) -> Result<Vec<OrderBody>, Error> {
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let mut items: HashMap<OrderId, Vec<Line>> = HashMap::new();
    for (order_id, line) in store::lines(connection, &ids).await? {
        items.entry(order_id).or_default().push(line);
    }
    let body = |order: OrderRecord| {
        let lines = items.remove(&order.id).unwrap_or_default();
        OrderBody::new(order, lines)
    };
    Ok(orders.into_iter().map(body).collect())
}

/// Answers 200 with one order.
pub(super) async fn answer(connection: &mut PgConnection, order: OrderRecord) -> Result<Response, Error> {
    let tag = etag(&order);
    let body = load(connection, vec![order]).await?.pop();
    Ok(([(ETAG, tag)], Json(body)).into_response())
}
