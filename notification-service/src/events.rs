//! The event table: publishes nothing; consumes what people are told of, and what says who and where they are.
//!
//! `order.payment_received` and `order.compensation_requested` also come in and mean nothing here.

mod on_order_cancelled;
mod on_order_confirmed;
mod on_order_delivered;
mod on_order_failed;
mod on_order_placed;
mod on_order_shipped;
mod on_payment_refunded;
mod on_user_changed;

use crate::App;
use shared::messaging::consumer::Handler;

pub(crate) const CONSUMES: &[(&str, Handler<App>)] = &[
    ("order.placed", on_order_placed::handle),
    ("order.confirmed", on_order_confirmed::handle),
    ("order.shipped", on_order_shipped::handle),
    ("order.delivered", on_order_delivered::handle),
    ("order.failed", on_order_failed::handle),
    ("order.cancelled", on_order_cancelled::handle),
    ("payment.refunded", on_payment_refunded::handle),
    ("user.registered", on_user_changed::handle),
    ("user.updated", on_user_changed::handle),
];

/// The example that the publishing service keeps of an event, read from its file: the promise that our views rely on.
#[cfg(test)]
fn example(service: &str, event_type: &str) -> shared::messaging::envelope::Envelope {
    let path = format!(
        "{}/../{service}/contracts/{event_type}.v1.example.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}
