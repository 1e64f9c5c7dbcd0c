//! The broker's topology matches what the code consumes and publishes.

use order_service::{events, published};
use rabbitmq::Topology;
use std::collections::BTreeSet;

#[test]
fn every_event_that_reaches_the_queue_has_a_handler() {
    let topology = Topology::load().unwrap();
    let consumer = events::consumer();
    let reaching = topology
        .events
        .iter()
        .filter(|(_, queues)| queues.contains(consumer.queue()));
    let reaching: Vec<_> = reaching.map(|(event_type, _)| event_type.as_str()).collect();
    // The service sends its clock's ticks to itself, past the exchange of events.
    let handled = consumer.event_types().into_iter();
    let handled: Vec<_> = handled
        .filter(|event_type| *event_type != "deadline_clock.ticked")
        .collect();
    assert_eq!(handled, reaching);
}

#[test]
fn the_service_may_publish_its_events_and_no_others() {
    let topology = Topology::load().unwrap();
    let allowed: BTreeSet<_> = topology.services["order-service"]
        .publishes
        .iter()
        .map(String::as_str)
        .collect();
    assert_eq!(allowed, BTreeSet::from(published::TYPES));
}
