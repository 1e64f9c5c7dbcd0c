//! The events that this service consumes from `order-queue`: the answers of payment-service and product-service, and the ticks
//! of its own deadline clock.

use crate::{
    app::{App, QUEUE},
    deadline_clock::Tick,
    domain::{Input, OrderId},
    store,
    transition::{self, TransitionError},
};
use messaging::{Consume, Consumer, Envelope, Failure, Tx};
use serde::Deserialize;

/// Declares the service's consumer.
pub fn consumer() -> Consumer<App> {
    Consumer::of(QUEUE)
        .on::<PaymentCompleted>()
        .on::<PaymentFailed>()
        .on::<PaymentVoided>()
        .on::<PaymentRefunded>()
        .on::<InventoryReserved>()
        .on::<InventoryRejected>()
        .on::<InventoryReleased>()
        .on::<Tick>()
}

/// Applies an input to an order. An unknown order and a refused input are permanent failures: neither will ever succeed.
async fn apply_event(tx: &mut Tx, order_id: OrderId, input: Input) -> Result<(), Failure> {
    let Some(mut order) = store::lock(tx, order_id).await? else {
        return Err(Failure::permanent(format!("there is no order {order_id}")));
    };
    match transition::apply(tx, &mut order, input).await {
        Ok(()) => Ok(()),
        Err(TransitionError::Refused(refusal)) => Err(Failure::permanent(refusal.to_string())),
        Err(TransitionError::Database(error)) => Err(error.into()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentCompleted {
    order_id: OrderId,
}

impl Consume<App> for PaymentCompleted {
    const TYPES: &'static [&'static str] = &["payment.completed"];

    async fn handle(self, _: &Envelope, _: &App, tx: &mut Tx) -> Result<(), Failure> {
        apply_event(tx, self.order_id, Input::PaymentCompleted).await
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentFailed {
    order_id: OrderId,
}

impl Consume<App> for PaymentFailed {
    const TYPES: &'static [&'static str] = &["payment.failed"];

    async fn handle(self, _: &Envelope, _: &App, tx: &mut Tx) -> Result<(), Failure> {
        apply_event(tx, self.order_id, Input::PaymentFailed).await
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentVoided {
    order_id: OrderId,
}

impl Consume<App> for PaymentVoided {
    const TYPES: &'static [&'static str] = &["payment.voided"];

    async fn handle(self, _: &Envelope, _: &App, tx: &mut Tx) -> Result<(), Failure> {
        apply_event(tx, self.order_id, Input::PaymentVoided).await
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentRefunded {
    order_id: OrderId,
}

impl Consume<App> for PaymentRefunded {
    const TYPES: &'static [&'static str] = &["payment.refunded"];

    async fn handle(self, _: &Envelope, _: &App, tx: &mut Tx) -> Result<(), Failure> {
        apply_event(tx, self.order_id, Input::PaymentRefunded).await
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InventoryReserved {
    order_id: OrderId,
}

impl Consume<App> for InventoryReserved {
    const TYPES: &'static [&'static str] = &["inventory.reserved"];

    async fn handle(self, _: &Envelope, _: &App, tx: &mut Tx) -> Result<(), Failure> {
        apply_event(tx, self.order_id, Input::StockReserved).await
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InventoryRejected {
    order_id: OrderId,
}

impl Consume<App> for InventoryRejected {
    const TYPES: &'static [&'static str] = &["inventory.rejected"];

    async fn handle(self, _: &Envelope, _: &App, tx: &mut Tx) -> Result<(), Failure> {
        apply_event(tx, self.order_id, Input::StockRejected).await
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InventoryReleased {
    order_id: OrderId,
}

impl Consume<App> for InventoryReleased {
    const TYPES: &'static [&'static str] = &["inventory.released"];

    async fn handle(self, _: &Envelope, _: &App, tx: &mut Tx) -> Result<(), Failure> {
        apply_event(tx, self.order_id, Input::StockReleased).await
    }
}
