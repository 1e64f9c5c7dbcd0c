//! The events and queues that exist, by the broker's topology.

use crate::workspace::Workspace;
use serde::Deserialize;
use std::collections::BTreeMap;

const TOPOLOGY: &str = "rabbitmq/topology.toml";
/// The binding key of a queue that receives every event.
const EVERY_EVENT: &str = "#";

/// The part of the topology file that a new service depends on.
#[derive(Debug, Deserialize)]
pub(super) struct Catalogue {
    pub(super) services: BTreeMap<String, Subscriber>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Subscriber {
    queue: Option<String>,
    #[serde(default)]
    pub(super) bindings: Vec<String>,
    #[serde(default)]
    pub(super) publishes: Vec<String>,
}

impl Catalogue {
    pub(super) fn read(workspace: &Workspace) -> Result<Self, String> {
        let text = workspace.text(TOPOLOGY).ok_or_else(|| format!("{TOPOLOGY}: missing"))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| format!("{TOPOLOGY}: {}", error.to_string().trim()))
    }

    /// The service that publishes the event.
    pub(super) fn publisher(&self, event: &str) -> Result<&str, String> {
        let found = self.published().find(|(published, _)| *published == event);
        found.map(|(_, service)| service).ok_or_else(|| {
            let events: Vec<&str> = self.published().map(|(event, _)| event).collect();
            format!("no service publishes `{event}`; there are {}", listed(&events))
        })
    }

    /// The entity that a new event is about, which no other service publishes events about.
    pub(super) fn new_entity<'a>(&self, event: &'a str) -> Result<&'a str, String> {
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase());
        let parts = event.split_once('.');
        let parts = parts.filter(|(entity, past)| is_word(entity) && past.split('_').all(is_word));
        let advice =
            "use `<entity>.<past_tense>` in small letters, with an entity of one word, as in shipment.dispatched";
        let (entity, _) = parts.ok_or_else(|| format!("`{event}`: {advice}"))?;
        let mut published = self.published();
        let other = published.find(|(other, _)| other.split('.').next() == Some(entity));
        match other {
            Some((same, service)) if same == event => Err(format!("`{event}` is published by {service} already")),
            Some((_, service)) => Err(format!(
                "`{event}`: {service} publishes the events about `{entity}`; name an entity of the new service's own"
            )),
            None => Ok(entity),
        }
    }

    pub(super) fn check_queue(&self, queue: &str) -> Result<(), String> {
        let mut services = self.services.iter();
        let owner = services.find(|(_, service)| service.queue.as_deref() == Some(queue));
        owner.map_or(Ok(()), |(name, _)| {
            Err(format!("the queue `{queue}` belongs to {name}: choose another name"))
        })
    }

    pub(super) fn queues_of_all_events(&self) -> Vec<String> {
        let services = self.services.values();
        let all = services.filter(|service| service.bindings.iter().any(|key| key == EVERY_EVENT));
        all.filter_map(|service| service.queue.clone()).collect()
    }

    /// The events, each with its publisher.
    fn published(&self) -> impl Iterator<Item = (&str, &str)> {
        let services = self.services.iter();
        services.flat_map(|(name, service)| {
            service
                .publishes
                .iter()
                .map(move |event| (event.as_str(), name.as_str()))
        })
    }
}

/// The names for a message.
pub(super) fn listed(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::Catalogue;

    const TOPOLOGY: &str = r##"
[services.seat-service]
queue = "seat-queue"
bindings = ["ticket.sold"]
publishes = ["seat.taken"]
[services.ticket-service]
publishes = ["ticket.sold"]
[services.archive-service]
queue = "archive-queue"
bindings = ["#"]
"##;

    fn catalogue() -> Catalogue {
        Catalogue::parse(TOPOLOGY).unwrap()
    }

    #[test]
    fn an_event_is_consumed_from_its_publisher() {
        assert_eq!(catalogue().publisher("ticket.sold"), Ok("ticket-service"));
        let refusal = catalogue().publisher("ticket.bought").unwrap_err();
        assert_eq!(
            refusal,
            "no service publishes `ticket.bought`; there are seat.taken, ticket.sold"
        );
        assert_eq!(catalogue().queues_of_all_events(), ["archive-queue"]);
    }

    #[test]
    fn a_published_event_is_new_and_about_an_entity_of_its_own() {
        assert_eq!(catalogue().new_entity("invoice.written_off"), Ok("invoice"));
        let refused = |event| catalogue().new_entity(event).unwrap_err();
        for malformed in [
            "invoice",
            "invoice.",
            ".sent",
            "Invoice.sent",
            "invoice.sent.twice",
            "in_voice.sent",
        ] {
            assert!(refused(malformed).contains("`<entity>.<past_tense>`"), "{malformed}");
        }
        assert_eq!(
            refused("seat.taken"),
            "`seat.taken` is published by seat-service already"
        );
        assert!(refused("seat.left").contains("an entity of the new service's own"));
    }

    #[test]
    fn a_queue_has_one_service() {
        assert!(
            catalogue()
                .check_queue("seat-queue")
                .unwrap_err()
                .contains("belongs to seat-service")
        );
        assert_eq!(catalogue().check_queue("invoice-queue"), Ok(()));
    }
}
