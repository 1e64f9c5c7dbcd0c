//! An order as clients see it, with its entity tag.

use crate::{
    domain::{Compensation, Payment, Reason, Status, Stock, basket::Line},
    error::Error,
    store::{self, OrderRecord},
};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::header::ETAG;
use serde::Serialize;
use shared::extract::Json;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// An order as clients see it. It is made of the order's row and its lines, which never change, and of nothing else: so
/// the version of the row makes a strong entity tag.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderBody {
    id: Uuid,
    user_id: Uuid,
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
        self.id
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

/// The strong entity tag of an order.
pub(super) fn etag(order: &OrderRecord) -> String {
    format!("\"{}\"", order.version)
}

/// Orders with their lines, in the order of `orders`.
pub(super) async fn load(connection: &mut PgConnection, orders: Vec<OrderRecord>) -> Result<Vec<OrderBody>, Error> {
    let ids: Vec<Uuid> = orders.iter().map(|order| order.id).collect();
    let mut items: HashMap<Uuid, Vec<Line>> = HashMap::new();
    for (order_id, line) in store::lines(connection, &ids).await? {
        items.entry(order_id).or_default().push(line);
    }
    let body = |order: OrderRecord| {
        let lines = items.remove(&order.id).unwrap_or_default();
        OrderBody::new(order, lines)
    };
    Ok(orders.into_iter().map(body).collect())
}

/// 200 with one order.
pub(super) async fn answer(connection: &mut PgConnection, order: OrderRecord) -> Result<Response, Error> {
    let tag = etag(&order);
    let body = load(connection, vec![order]).await?.pop();
    Ok(([(ETAG, tag)], Json(body)).into_response())
}
