//! `order.confirmed`: it is paid for and in stock.

use crate::{
    App, dispatch,
    domain::{Money, Notice},
};
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
    total_minor: Option<i64>,
    currency: Option<String>,
}

pub(super) fn handle<'a>(app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let view: View = event.data()?;
        let total = view
            .total_minor
            .zip(view.currency)
            .map(|(minor, currency)| Money { minor, currency });
        let notice = Notice::Confirmed { total };
        Ok(dispatch::tell_owner(app, tx, event, (view.order_id, view.user_id), &notice).await?)
    })
}
