//! `payment.refunded`: money went back. The event does not say whose order it was.

use crate::{
    App, dispatch,
    domain::{Money, Notice},
};
use serde::Deserialize;
use shared::{
    database::Tx,
    messaging::{consumer::HandlerFuture, envelope::Envelope},
};
use uuid::Uuid;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct View {
    order_id: Uuid,
    amount_minor: i64,
    currency: String,
}

pub(super) fn handle<'a>(app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let view: View = event.data()?;
        let notice = Notice::Refunded {
            amount: Money {
                minor: view.amount_minor,
                currency: view.currency,
            },
        };
        Ok(dispatch::tell_owner_of(app, tx, event, view.order_id, &notice).await?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::example;

    #[test]
    fn reads_what_payment_service_publishes() {
        let event = example("payment-service", "payment.refunded");
        let view: View = event.data().unwrap();
        assert_eq!(view.order_id.to_string(), event.data["orderId"]);
        assert_eq!(view.amount_minor, event.data["amountMinor"]);
        assert_eq!(view.currency, event.data["currency"]);
    }
}
