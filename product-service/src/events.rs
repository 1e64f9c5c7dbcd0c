//! The events consumed from `inventory-queue`, each as the small view that this service needs.

use crate::{
    app::App,
    domain::{
        Input,
        ids::{OrderId, ProductId},
        stock,
    },
    transition,
};
use messaging::{Consume, Consumer, Envelope, Failure, Tx};
use serde::Deserialize;
use std::num::NonZeroU32;

/// Declares the consumer.
pub fn consumer() -> Consumer<App> {
    // Orders share products, whose rows a batch would keep locked.
    Consumer::of("inventory-queue")
        .unbatched()
        .on::<OrderPlaced>()
        .on::<OrderConfirmed>()
        .on::<OrderEnded>()
        .on::<CompensationRequested>()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderPlaced {
    order_id: OrderId,
    items: Vec<Line>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    product_id: ProductId,
    quantity: NonZeroU32,
}

impl Consume<App> for OrderPlaced {
    const TYPES: &'static [&'static str] = &["order.placed"];

    async fn handle(self, _event: &Envelope, _app: &App, tx: &mut Tx) -> Result<(), Failure> {
        let Self { order_id, items } = self;
        if items.is_empty() {
            return Err(Failure::permanent(format!("order {order_id} has no items")));
        }
        let items = stock::merge(items.into_iter().map(|line| (line.product_id, line.quantity)));
        transition::apply(tx, order_id, Input::OrderPlaced { items }).await
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderConfirmed {
    order_id: OrderId,
}

impl Consume<App> for OrderConfirmed {
    const TYPES: &'static [&'static str] = &["order.confirmed"];

    async fn handle(self, _event: &Envelope, _app: &App, tx: &mut Tx) -> Result<(), Failure> {
        transition::apply(tx, self.order_id, Input::OrderConfirmed).await
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderEnded {
    order_id: OrderId,
}

impl Consume<App> for OrderEnded {
    const TYPES: &'static [&'static str] = &["order.failed", "order.cancelled"];

    async fn handle(self, _event: &Envelope, _app: &App, tx: &mut Tx) -> Result<(), Failure> {
        transition::apply(tx, self.order_id, Input::OrderEnded).await
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CompensationRequested {
    order_id: OrderId,
}

impl Consume<App> for CompensationRequested {
    const TYPES: &'static [&'static str] = &["order.compensation_requested"];

    async fn handle(self, _event: &Envelope, _app: &App, tx: &mut Tx) -> Result<(), Failure> {
        transition::apply(tx, self.order_id, Input::CompensationRequested).await
    }
}
