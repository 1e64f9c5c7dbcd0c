//! `order.compensation_requested`: order-service still waits for our `inventory.released`.

use super::OrderView;
use crate::{App, domain::Fact, transition};
use shared::{
    database::Tx,
    messaging::{consumer::HandlerFuture, envelope::Envelope},
};

pub(super) fn handle<'a>(_app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let OrderView { order_id } = event.data()?;
        transition::learn(tx, order_id, Fact::CompensationRequested).await
    })
}
