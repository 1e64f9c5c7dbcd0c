//! What this service tells and what it listens to.

mod on_inventory_rejected;
mod on_inventory_released;
mod on_inventory_reserved;
mod on_payment_completed;
mod on_payment_failed;
mod on_payment_refunded;
mod on_payment_voided;
pub mod published;

use crate::{
    App,
    domain::Input,
    saga::{self, AdvanceError},
    store,
};
use shared::{
    database::Tx,
    messaging::{consumer::Handler, failure::Failure},
};
use uuid::Uuid;

/// The events of `order-queue` that have an effect here.
pub const CONSUMES: &[(&str, Handler<App>)] = &[
    ("payment.completed", on_payment_completed::handle),
    ("payment.failed", on_payment_failed::handle),
    ("payment.refunded", on_payment_refunded::handle),
    ("payment.voided", on_payment_voided::handle),
    ("inventory.reserved", on_inventory_reserved::handle),
    ("inventory.rejected", on_inventory_rejected::handle),
    ("inventory.released", on_inventory_released::handle),
];

/// Tells an order what a participant said. An order that is not there will never be, and what the rules refuse they will
/// always refuse: both are dead letters.
async fn tell(tx: &mut Tx, order_id: Uuid, input: Input) -> Result<(), Failure> {
    let Some(mut order) = store::lock(tx, order_id).await? else {
        return Err(Failure::permanent(format!("there is no order {order_id}")));
    };
    match saga::advance(tx, &mut order, input).await {
        Ok(()) => Ok(()),
        Err(AdvanceError::Refused(refusal)) => Err(Failure::permanent(refusal.to_string())),
        Err(AdvanceError::Database(error)) => Err(error.into()),
    }
}
