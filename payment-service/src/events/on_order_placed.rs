//! `order.placed`: charge it.

use crate::{App, transition, transition::Order};
use serde::Deserialize;
use shared::{
    database::Tx,
    messaging::{consumer::HandlerFuture, envelope::Envelope, failure::Failure},
};
use uuid::Uuid;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlacedView {
    order_id: Uuid,
    user_id: Uuid,
    total_minor: i64,
    currency: String,
    payment_method: String,
}

pub(super) fn handle<'a>(_app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let PlacedView {
            order_id,
            user_id,
            total_minor,
            currency,
            payment_method,
        } = event.data()?;
        let is_code = currency.len() == 3 && currency.bytes().all(|letter| letter.is_ascii_uppercase());
        if total_minor <= 0 || !is_code {
            return Err(Failure::permanent(format!(
                "order {order_id} cannot be paid: {total_minor} `{currency}`"
            )));
        }
        transition::placed(
            tx,
            &Order {
                id: order_id,
                user_id,
                total_minor,
                currency,
                payment_method,
            },
        )
        .await
    })
}
