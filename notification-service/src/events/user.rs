//! Events of user-service.

use crate::{app::App, dispatch, domain::UserId, store::Contact};
use messaging::{Consume, Envelope, Failure, Tx};
use serde::Deserialize;

/// A user was registered or updated. Both events carry the whole contact, and the newer one applies.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Changed {
    user_id: UserId,
    email: String,
    name: String,
}

impl Consume<App> for Changed {
    const TYPES: &'static [&'static str] = &["user.registered", "user.updated"];

    async fn handle(self, event: &Envelope, _app: &App, tx: &mut Tx) -> Result<(), Failure> {
        let contact = Contact {
            user_id: self.user_id,
            email: &self.email,
            name: &self.name,
            sequence: event.metadata.sequence,
        };
        Ok(dispatch::record_contact(tx, &contact).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::examples::example, *};

    #[test]
    fn a_changed_user_carries_address_and_name() {
        for event_type in Changed::TYPES {
            let event = example("user-service", event_type);
            let view: Changed = event.data().unwrap();
            assert_eq!(view.user_id.to_string(), event.data["userId"]);
            assert_eq!(view.email, event.data["email"]);
            assert_eq!(view.name, event.data["name"]);
        }
    }
}
