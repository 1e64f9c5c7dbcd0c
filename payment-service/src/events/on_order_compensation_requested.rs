//! `order.compensation_requested`: order-service still waits for our answer.

use super::OrderView;
use crate::{App, transition};
use shared::{
    database::Tx,
    messaging::{consumer::HandlerFuture, envelope::Envelope},
};

pub(super) fn handle<'a>(_app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let OrderView { order_id, user_id } = event.data()?;
        transition::compensation_requested(tx, order_id, user_id).await
    })
}
