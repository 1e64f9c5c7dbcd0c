//! `order.placed`: says whose order it is. Nobody is told of it: the order's owner has just placed it.

use super::OwnedOrder;
use crate::{App, dispatch};
use shared::{
    database::Tx,
    messaging::{consumer::HandlerFuture, envelope::Envelope},
};

pub(super) fn handle<'a>(_app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let order: OwnedOrder = event.data()?;
        Ok(dispatch::owner_known(tx, order.order_id, order.user_id).await?)
    })
}
