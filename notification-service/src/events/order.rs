//! Events of order-service. Each names the order and its owner.

use crate::{
    app::App,
    dispatch,
    domain::{Money, Notice, OwnedOrder},
};
use messaging::{Consume, Envelope, Failure, Tx};
use serde::Deserialize;

/// An order was placed. It names the owner, who placed the order just now and is not notified.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Placed(OwnedOrder);

impl Consume<App> for Placed {
    const TYPES: &'static [&'static str] = &["order.placed"];

    async fn handle(self, _event: &Envelope, _app: &App, tx: &mut Tx) -> Result<(), Failure> {
        Ok(dispatch::record_owner(tx, self.0).await?)
    }
}

/// An order is paid for and in stock.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Confirmed {
    #[serde(flatten)]
    order: OwnedOrder,
    total_minor: Option<i64>,
    currency: Option<String>,
}

impl Consume<App> for Confirmed {
    const TYPES: &'static [&'static str] = &["order.confirmed"];

    async fn handle(self, event: &Envelope, app: &App, tx: &mut Tx) -> Result<(), Failure> {
        let total = self.total_minor.zip(self.currency);
        let notice = Notice::Confirmed {
            total: total.map(|(minor, currency)| Money { minor, currency }),
        };
        Ok(dispatch::notify_owner(app, tx, event, self.order, &notice).await?)
    }
}

#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Shipped(OwnedOrder);

impl Consume<App> for Shipped {
    const TYPES: &'static [&'static str] = &["order.shipped"];

    async fn handle(self, event: &Envelope, app: &App, tx: &mut Tx) -> Result<(), Failure> {
        Ok(dispatch::notify_owner(app, tx, event, self.0, &Notice::Shipped).await?)
    }
}

#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Delivered(OwnedOrder);

impl Consume<App> for Delivered {
    const TYPES: &'static [&'static str] = &["order.delivered"];

    async fn handle(self, event: &Envelope, app: &App, tx: &mut Tx) -> Result<(), Failure> {
        Ok(dispatch::notify_owner(app, tx, event, self.0, &Notice::Delivered).await?)
    }
}

/// Payment or stock was refused, or did not come in time.
#[derive(Debug, Deserialize)]
pub(super) struct Failed {
    #[serde(flatten)]
    order: OwnedOrder,
    reason: Option<String>,
}

impl Consume<App> for Failed {
    const TYPES: &'static [&'static str] = &["order.failed"];

    async fn handle(self, event: &Envelope, app: &App, tx: &mut Tx) -> Result<(), Failure> {
        let notice = Notice::Failed { reason: self.reason };
        Ok(dispatch::notify_owner(app, tx, event, self.order, &notice).await?)
    }
}

#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Cancelled(OwnedOrder);

impl Consume<App> for Cancelled {
    const TYPES: &'static [&'static str] = &["order.cancelled"];

    async fn handle(self, event: &Envelope, app: &App, tx: &mut Tx) -> Result<(), Failure> {
        Ok(dispatch::notify_owner(app, tx, event, self.0, &Notice::Cancelled).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::examples::example, *};

    fn assert_names_order_and_owner(event: &Envelope, order: OwnedOrder) {
        assert_eq!(order.order_id.to_string(), event.data["orderId"], "{event:?}");
        assert_eq!(order.user_id.to_string(), event.data["userId"], "{event:?}");
    }

    #[test]
    fn every_order_event_names_the_order_and_its_owner() {
        let views = [
            Placed::TYPES,
            Confirmed::TYPES,
            Shipped::TYPES,
            Delivered::TYPES,
            Failed::TYPES,
            Cancelled::TYPES,
        ];
        let types = views.concat();
        assert_eq!(types.len(), 6);
        for event_type in types {
            let event = example("order-service", event_type);
            assert_names_order_and_owner(&event, event.data().unwrap());
        }
    }

    #[test]
    fn a_confirmation_carries_the_total() {
        let event = example("order-service", Confirmed::TYPES[0]);
        let view: Confirmed = event.data().unwrap();
        assert_names_order_and_owner(&event, view.order);
        let total = view.total_minor.expect("the total is known");
        assert_eq!(total, event.data["totalMinor"]);
        assert_eq!(view.currency.expect("the currency is known"), event.data["currency"]);
    }

    #[test]
    fn a_failure_carries_the_reason() {
        let event = example("order-service", Failed::TYPES[0]);
        let view: Failed = event.data().unwrap();
        assert_names_order_and_owner(&event, view.order);
        assert_eq!(view.reason.expect("the reason is known"), event.data["reason"]);
    }
}
