//! The broker's topology matches what the code publishes.

use messaging::Event;
use rabbitmq::Topology;
use user_service::published::{UserRegistered, UserUpdated};

/// The types of the events that this service publishes.
pub(crate) const PUBLISHED: [&str; 2] = [UserRegistered::TYPE, UserUpdated::TYPE];

#[test]
fn the_service_may_publish_its_events_and_no_others() {
    let topology = Topology::load().unwrap();
    let allowed: Vec<_> = topology.services["user-service"].publishes.iter().collect();
    assert_eq!(allowed, PUBLISHED);
}

#[test]
fn the_service_consumes_no_event() {
    let topology = Topology::load().unwrap();
    let service = &topology.services["user-service"];
    assert!(service.queue.is_none() && service.bindings.is_empty());
}
