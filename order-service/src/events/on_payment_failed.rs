//! `payment.failed`: the provider refused the payment of an order.

use crate::{App, domain::Input};
use serde::Deserialize;
use shared::{
    database::Tx,
    messaging::{consumer::HandlerFuture, envelope::Envelope},
};
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentFailed {
    order_id: Uuid,
}

pub(super) fn handle<'a>(_app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let view: PaymentFailed = event.data()?;
        super::tell(tx, view.order_id, Input::PaymentFailed).await
    })
}
