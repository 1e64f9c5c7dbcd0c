//! The events that this service publishes, each about an order. Their schemas are in `contracts/`.

use crate::{
    domain::{Effect, OrderId, Reason, Status, UserId, basket::Line},
    store::OrderRecord,
};
use messaging::{Event, Tx};
use serde::Serialize;
use uuid::Uuid;

/// An order was placed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderPlaced<'a> {
    pub order_id: OrderId,
    pub user_id: UserId,
    pub status: Status,
    /// One line for each product.
    pub items: &'a [Line],
    pub total_minor: i64,
    /// ISO 4217 code.
    pub currency: &'a str,
    pub payment_method: &'a str,
}

/// The data of each event about a change of status.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderData<'a> {
    pub order_id: OrderId,
    pub user_id: UserId,
    /// The event's own status: `payment_received` may be published together with `confirmed`.
    pub status: Status,
    /// Present where the order failed or was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    pub total_minor: i64,
    /// ISO 4217 code.
    pub currency: &'a str,
}

/// The payment is captured.
#[derive(Debug, Serialize)]
pub struct OrderPaymentReceived<'a>(OrderData<'a>);

/// The order is paid, and its stock is reserved.
#[derive(Debug, Serialize)]
pub struct OrderConfirmed<'a>(OrderData<'a>);

/// The order is on its way.
#[derive(Debug, Serialize)]
pub struct OrderShipped<'a>(OrderData<'a>);

/// The order has arrived.
#[derive(Debug, Serialize)]
pub struct OrderDelivered<'a>(OrderData<'a>);

/// The order will not be fulfilled.
#[derive(Debug, Serialize)]
pub struct OrderFailed<'a>(OrderData<'a>);

/// The owner has cancelled the order.
#[derive(Debug, Serialize)]
pub struct OrderCancelled<'a>(OrderData<'a>);

/// The answers to `order.failed` or `order.cancelled` are overdue.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompensationRequested {
    pub order_id: OrderId,
    pub user_id: UserId,
    /// Failed or cancelled.
    pub status: Status,
    /// Number of requests for this order so far.
    pub attempt: i32,
}

impl Event for OrderPlaced<'_> {
    const TYPE: &'static str = "order.placed";

    fn subject(&self) -> Uuid {
        self.order_id.uuid()
    }
}

impl Event for OrderPaymentReceived<'_> {
    const TYPE: &'static str = "order.payment_received";

    fn subject(&self) -> Uuid {
        self.0.order_id.uuid()
    }
}

impl Event for OrderConfirmed<'_> {
    const TYPE: &'static str = "order.confirmed";

    fn subject(&self) -> Uuid {
        self.0.order_id.uuid()
    }
}

impl Event for OrderShipped<'_> {
    const TYPE: &'static str = "order.shipped";

    fn subject(&self) -> Uuid {
        self.0.order_id.uuid()
    }
}

impl Event for OrderDelivered<'_> {
    const TYPE: &'static str = "order.delivered";

    fn subject(&self) -> Uuid {
        self.0.order_id.uuid()
    }
}

impl Event for OrderFailed<'_> {
    const TYPE: &'static str = "order.failed";

    fn subject(&self) -> Uuid {
        self.0.order_id.uuid()
    }
}

impl Event for OrderCancelled<'_> {
    const TYPE: &'static str = "order.cancelled";

    fn subject(&self) -> Uuid {
        self.0.order_id.uuid()
    }
}

impl Event for CompensationRequested {
    const TYPE: &'static str = "order.compensation_requested";

    fn subject(&self) -> Uuid {
        self.order_id.uuid()
    }
}

/// The types of all events of this service.
pub const TYPES: [&str; 8] = [
    OrderPlaced::TYPE,
    OrderPaymentReceived::TYPE,
    OrderConfirmed::TYPE,
    OrderShipped::TYPE,
    OrderDelivered::TYPE,
    OrderFailed::TYPE,
    OrderCancelled::TYPE,
    CompensationRequested::TYPE,
];

/// Publishes the effect of an input.
pub async fn emit(tx: &mut Tx, order: &OrderRecord, effect: Effect) -> Result<(), sqlx::Error> {
    let data = |status| OrderData {
        order_id: order.id,
        user_id: order.user_id,
        status,
        reason: order.state.reason,
        total_minor: order.total_minor,
        currency: &order.currency,
    };
    match effect {
        Effect::PaymentReceived => tx.emit(&OrderPaymentReceived(data(Status::PaymentReceived))).await,
        Effect::Confirmed => tx.emit(&OrderConfirmed(data(Status::Confirmed))).await,
        Effect::Shipped => tx.emit(&OrderShipped(data(Status::Shipped))).await,
        Effect::Delivered => tx.emit(&OrderDelivered(data(Status::Delivered))).await,
        Effect::Failed => tx.emit(&OrderFailed(data(Status::Failed))).await,
        Effect::Cancelled => tx.emit(&OrderCancelled(data(Status::Cancelled))).await,
        Effect::CompensationRequested => {
            let requested = CompensationRequested {
                order_id: order.id,
                user_id: order.user_id,
                status: order.state.status,
                attempt: order.compensation_asks,
            };
            tx.emit(&requested).await
        }
    }
    .map(drop)
}
