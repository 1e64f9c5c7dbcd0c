//! `order.failed`: take nothing, or give back what was taken.

use super::OrderView;
use crate::{App, transition};
use shared::{
    database::Tx,
    messaging::{consumer::HandlerFuture, envelope::Envelope},
};

pub(super) fn handle<'a>(_app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let OrderView { order_id, user_id } = event.data()?;
        transition::ended(tx, order_id, user_id).await
    })
}
