//! `order.placed`: the order is to be charged.

use crate::{
    app::App,
    domain::{Order, OrderId, UserId},
    transition,
};
use messaging::{Consume, Envelope, Failure, Tx};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderPlaced {
    order_id: OrderId,
    user_id: UserId,
    total_minor: i64,
    currency: String,
    payment_method: String,
}

impl Consume<App> for OrderPlaced {
    const TYPES: &'static [&'static str] = &["order.placed"];

    async fn handle(self, _: &Envelope, _: &App, tx: &mut Tx) -> Result<(), Failure> {
        let order = Order::from(self);
        if !order.is_payable() {
            return Err(Failure::permanent(format!(
                "order {} cannot be paid: {} `{}`",
                order.id, order.total_minor, order.currency
            )));
        }
        transition::order_placed(tx, &order).await
    }
}

impl From<OrderPlaced> for Order {
    fn from(placed: OrderPlaced) -> Self {
        Self {
            id: placed.order_id,
            user_id: placed.user_id,
            total_minor: placed.total_minor,
            currency: placed.currency,
            payment_method: placed.payment_method,
        }
    }
}
