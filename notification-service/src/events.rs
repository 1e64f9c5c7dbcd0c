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
use serde::Deserialize;
use shared::messaging::consumer::Handler;
use uuid::Uuid;

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

/// What every event about an order says: which one, and whose.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OwnedOrder {
    order_id: Uuid,
    user_id: Uuid,
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_order_service_publishes() {
        let orders = CONSUMES.iter().map(|(event_type, _)| event_type);
        let orders: Vec<_> = orders.filter(|event_type| event_type.starts_with("order.")).collect();
        assert_eq!(orders.len(), 6);
        for event_type in orders {
            let event = example("order-service", event_type);
            let order: OwnedOrder = event.data().unwrap();
            assert_eq!(order.order_id.to_string(), event.data["orderId"], "{event_type}");
            assert_eq!(order.user_id.to_string(), event.data["userId"], "{event_type}");
        }
    }
}
