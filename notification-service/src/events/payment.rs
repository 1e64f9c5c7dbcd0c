//! Events of payment-service. They do not name the order's owner.

use crate::{
    app::App,
    dispatch,
    domain::{Money, Notice, OrderId},
};
use messaging::{Consume, Envelope, Failure, Tx};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refunded {
    order_id: OrderId,
    amount_minor: i64,
    currency: String,
}

impl Consume<App> for Refunded {
    const TYPES: &'static [&'static str] = &["payment.refunded"];

    async fn handle(self, event: &Envelope, app: &App, tx: &mut Tx) -> Result<(), Failure> {
        let notice = Notice::Refunded {
            amount: Money {
                minor: self.amount_minor,
                currency: self.currency,
            },
        };
        Ok(dispatch::notify_owner_of(app, tx, event, self.order_id, &notice).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::examples::example, *};

    #[test]
    fn a_refund_carries_order_and_amount() {
        let event = example("payment-service", Refunded::TYPES[0]);
        let view: Refunded = event.data().unwrap();
        assert_eq!(view.order_id.to_string(), event.data["orderId"]);
        assert_eq!(view.amount_minor, event.data["amountMinor"]);
        assert_eq!(view.currency, event.data["currency"]);
    }
}
