//! `order.placed`: says whose order it is. Nobody is told of it: the order's owner has just placed it.

use crate::{App, dispatch};
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

pub(super) fn handle<'a>(_app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let view: View = event.data()?;
        Ok(dispatch::owner_known(tx, view.order_id, view.user_id).await?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::example;

    #[test]
    fn reads_what_order_service_publishes() {
        let event = example("order-service", "order.placed");
        let view: View = event.data().unwrap();
        assert_eq!(view.order_id.to_string(), event.data["orderId"]);
        assert_eq!(view.user_id.to_string(), event.data["userId"]);
    }
}
