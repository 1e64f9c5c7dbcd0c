//! `order.shipped`: it is on its way.

use super::OwnedOrder;
use crate::{App, dispatch, domain::Notice};
use shared::{
    database::Tx,
    messaging::{consumer::HandlerFuture, envelope::Envelope},
};

pub(super) fn handle<'a>(app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let order: OwnedOrder = event.data()?;
        let notice = Notice::Shipped;
        Ok(dispatch::tell_owner(app, tx, event, (order.order_id, order.user_id), &notice).await?)
    })
}
