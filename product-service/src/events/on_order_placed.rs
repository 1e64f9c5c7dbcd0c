//! `order.placed`: hold what was ordered, or reject the order.

use crate::{App, domain, domain::Fact, transition};
use serde::Deserialize;
use shared::{
    database::Tx,
    messaging::{consumer::HandlerFuture, envelope::Envelope, failure::Failure},
};
use std::num::NonZeroU32;
use uuid::Uuid;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlacedView {
    order_id: Uuid,
    items: Vec<LineView>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineView {
    product_id: Uuid,
    quantity: NonZeroU32,
}

pub(super) fn handle<'a>(_app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let PlacedView { order_id, items } = event.data()?;
        if items.is_empty() {
            return Err(Failure::permanent(format!(
                "order {order_id} was placed without any items"
            )));
        }
        let items = domain::merge(items.into_iter().map(|line| (line.product_id, line.quantity)));
        transition::learn(tx, order_id, Fact::Placed(items)).await
    })
}
