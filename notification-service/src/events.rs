//! The events consumed from `notification-queue`, each as the small view that this service needs. It publishes none.

#[cfg(test)]
mod examples;
mod order;
mod payment;
mod user;

use crate::app::App;
use messaging::Consumer;

/// Declares the consumer. The queue also carries `order.payment_received` and `order.compensation_requested`, which have no
/// effect here.
pub(crate) fn consumer() -> Consumer<App> {
    Consumer::of("notification-queue")
        .on::<order::Placed>()
        .on::<order::Confirmed>()
        .on::<order::Shipped>()
        .on::<order::Delivered>()
        .on::<order::Failed>()
        .on::<order::Cancelled>()
        .on::<payment::Refunded>()
        .on::<user::Changed>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rabbitmq::Topology;

    #[test]
    fn the_topology_routes_every_consumed_event_to_the_queue() {
        let topology = Topology::load().unwrap();
        let service = &topology.services["notification-service"];
        assert_eq!(service.queue.as_deref(), Some(consumer().queue()));
        assert!(service.publishes.is_empty());
        let no_effect = ["order.compensation_requested", "order.payment_received"];
        let mut known = [consumer().event_types(), no_effect.to_vec()].concat();
        known.sort_unstable();
        let routed = topology.events.iter();
        let routed = routed.filter(|(_, queues)| queues.contains(consumer().queue()));
        let routed: Vec<_> = routed.map(|(event_type, _)| event_type.as_str()).collect();
        assert_eq!(routed, known);
    }
}
