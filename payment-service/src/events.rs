//! What this service consumes from `payment-queue`. It publishes `payment.completed`, `.failed`, `.refunded` and `.voided`.

mod on_order_cancelled;
mod on_order_compensation_requested;
mod on_order_failed;
mod on_order_placed;
pub mod published;

use crate::App;
use serde::Deserialize;
use shared::messaging::consumer::Handler;
use uuid::Uuid;

/// Event type and handler.
pub const CONSUMES: &[(&str, Handler<App>)] = &[
    ("order.placed", on_order_placed::handle),
    ("order.failed", on_order_failed::handle),
    ("order.cancelled", on_order_cancelled::handle),
    ("order.compensation_requested", on_order_compensation_requested::handle),
];

/// All that matters of an order's event besides `order.placed`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderView {
    order_id: Uuid,
    user_id: Uuid,
}
