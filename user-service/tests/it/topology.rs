//! The broker's topology matches what the code publishes.

use rabbitmq::Topology;
use std::collections::BTreeSet;
use user_service::published;

#[test]
fn the_service_may_publish_its_events_and_no_others() {
    let topology = Topology::load().unwrap();
    let allowed = &topology.services["user-service"].publishes;
    let allowed: BTreeSet<_> = allowed.iter().map(String::as_str).collect();
    assert_eq!(allowed, BTreeSet::from(published::TYPES));
}

#[test]
fn the_service_consumes_no_event() {
    let topology = Topology::load().unwrap();
    let service = &topology.services["user-service"];
    assert!(service.queue.is_none() && service.bindings.is_empty());
}
