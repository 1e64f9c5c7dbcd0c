//! `order.shipped`: it is on its way.

use crate::{App, dispatch, domain::Notice};
use serde::Deserialize;
use shared::{
    database::Tx,
    messaging::{consumer::HandlerFuture, envelope::Envelope},
};
use uuid::Uuid;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct View {
    order_id: Uuid,
    user_id: Uuid,
}

pub(super) fn handle<'a>(app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let view: View = event.data()?;
        let notice = Notice::Shipped;
        Ok(dispatch::tell_owner(app, tx, event, (view.order_id, view.user_id), &notice).await?)
    })
}
