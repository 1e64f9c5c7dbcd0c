//! The events that this service consumes from `payment-queue`.

mod order_placed;

use crate::{
    app::App,
    domain::{OrderId, UserId},
    transition,
};
use messaging::{Consume, Consumer, Envelope, Failure, Tx};
use order_placed::OrderPlaced;
use serde::Deserialize;

/// Declares the service's consumer.
pub fn consumer() -> Consumer<App> {
    Consumer::of("payment-queue")
        .on::<OrderPlaced>()
        .on::<OrderEnded>()
        .on::<CompensationRequested>()
}

/// An order that failed or was cancelled.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderEnded {
    order_id: OrderId,
    user_id: UserId,
}

impl Consume<App> for OrderEnded {
    const TYPES: &'static [&'static str] = &["order.failed", "order.cancelled"];

    async fn handle(self, _: &Envelope, _: &App, tx: &mut Tx) -> Result<(), Failure> {
        transition::order_ended(tx, self.order_id, self.user_id).await
    }
}

/// An order that has ended while order-service still waits for this service to report the money returned.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CompensationRequested {
    order_id: OrderId,
    user_id: UserId,
}

impl Consume<App> for CompensationRequested {
    const TYPES: &'static [&'static str] = &["order.compensation_requested"];

    async fn handle(self, _: &Envelope, _: &App, tx: &mut Tx) -> Result<(), Failure> {
        transition::compensation_requested(tx, self.order_id, self.user_id).await
    }
}
