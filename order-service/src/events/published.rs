//! The events of `contracts/`, as they are written.

use crate::{
    domain::{Emitted, Reason, Status, basket::Line},
    store::OrderRecord,
};
use serde::Serialize;
use shared::database::Tx;
use uuid::Uuid;

/// `order.placed`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderPlaced<'a> {
    /// The order.
    pub order_id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// [`Status::Placed`]
    pub status: Status,
    /// One line for each product.
    pub items: &'a [Line],
    /// Minor units.
    pub total_minor: i64,
    /// ISO 4217.
    pub currency: &'a str,
    /// For the payment provider.
    pub payment_method: &'a str,
}

/// `order.payment_received`, `.confirmed`, `.shipped`, `.delivered`, and with a reason `.failed` and `.cancelled`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderChanged<'a> {
    /// The order.
    pub order_id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// What the order has become.
    pub status: Status,
    /// Why, where it failed or was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Minor units.
    pub total_minor: i64,
    /// ISO 4217.
    pub currency: &'a str,
}

/// `order.compensation_requested`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompensationRequested {
    /// The order.
    pub order_id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// [`Status::Failed`] or [`Status::Cancelled`].
    pub status: Status,
    /// Counts the requests for this order.
    pub attempt: i32,
}

/// Writes `order.placed` to the outbox.
pub async fn emit_placed(tx: &mut Tx, order: &OrderRecord, items: &[Line]) -> Result<(), sqlx::Error> {
    let event = OrderPlaced {
        order_id: order.id,
        user_id: order.user_id,
        status: Status::Placed,
        items,
        total_minor: order.total_minor,
        currency: &order.currency,
        payment_method: &order.payment_method,
    };
    tx.emit("order.placed", order.id, &event).await?;
    Ok(())
}

/// Writes what followed from an input to the outbox.
pub async fn emit(tx: &mut Tx, order: &OrderRecord, event: Emitted) -> Result<(), sqlx::Error> {
    // The status is the event's: `payment_received` may be told together with `confirmed`.
    let (event_type, status) = match event {
        Emitted::PaymentReceived => ("order.payment_received", Status::PaymentReceived),
        Emitted::Confirmed => ("order.confirmed", Status::Confirmed),
        Emitted::Shipped => ("order.shipped", Status::Shipped),
        Emitted::Delivered => ("order.delivered", Status::Delivered),
        Emitted::Failed => ("order.failed", Status::Failed),
        Emitted::Cancelled => ("order.cancelled", Status::Cancelled),
        Emitted::CompensationRequested => return emit_compensation_requested(tx, order).await,
    };
    let event = OrderChanged {
        order_id: order.id,
        user_id: order.user_id,
        status,
        reason: order.state.reason,
        total_minor: order.total_minor,
        currency: &order.currency,
    };
    tx.emit(event_type, order.id, &event).await?;
    Ok(())
}

async fn emit_compensation_requested(tx: &mut Tx, order: &OrderRecord) -> Result<(), sqlx::Error> {
    let event = CompensationRequested {
        order_id: order.id,
        user_id: order.user_id,
        status: order.state.status,
        attempt: order.compensation_asks,
    };
    tx.emit("order.compensation_requested", order.id, &event).await?;
    Ok(())
}
