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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::example;

    #[test]
    fn reads_what_order_service_publishes() {
        let event = example("order-service", "order.shipped");
        let view: View = event.data().unwrap();
        assert_eq!(view.order_id.to_string(), event.data["orderId"]);
        assert_eq!(view.user_id.to_string(), event.data["userId"]);
    }
}
