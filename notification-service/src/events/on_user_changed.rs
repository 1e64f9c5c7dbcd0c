//! `user.registered` and `user.updated`: where a user's mail goes. Both say the same, and the newer one holds.

use crate::{App, dispatch, store::Contact};
use serde::Deserialize;
use shared::{
    database::Tx,
    messaging::{consumer::HandlerFuture, envelope::Envelope},
};
use uuid::Uuid;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct View {
    user_id: Uuid,
    email: String,
    name: String,
}

pub(super) fn handle<'a>(_app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let View { user_id, email, name } = event.data()?;
        let contact = Contact {
            user_id,
            email: &email,
            name: &name,
            sequence: event.metadata.sequence,
        };
        Ok(dispatch::contact_known(tx, &contact).await?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::example;

    #[test]
    fn reads_what_user_service_publishes() {
        for event_type in ["user.registered", "user.updated"] {
            let event = example("user-service", event_type);
            let view: View = event.data().unwrap();
            assert_eq!(view.user_id.to_string(), event.data["userId"]);
            assert_eq!(view.email, event.data["email"]);
            assert_eq!(view.name, event.data["name"]);
        }
    }
}
