//! Refusals of a topology file, each made from the real file by one replacement.

use crate::{Error, Invalid, TOPOLOGY, Topology};

fn refusal(from: &str, to: &str) -> Invalid {
    assert!(TOPOLOGY.contains(from), "the topology file has no {from:?}");
    match Topology::parse(&TOPOLOGY.replace(from, to)) {
        Err(Error::Invalid(invalid)) => invalid,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn the_compiled_in_file_is_valid() {
    let topology = Topology::load().unwrap();
    assert_eq!(topology.queues().count(), 5);
    assert!(
        topology
            .events
            .values()
            .all(|queues| queues.contains("analytics-queue"))
    );
}

#[test]
fn an_unknown_field_is_refused_by_name() {
    let error = Topology::parse(&TOPOLOGY.replace("delivery_limit = 1000\n", "delivery_limits = 1000\n")).unwrap_err();
    assert!(error.to_string().contains("delivery_limits"), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
}

#[test]
fn retry_delays_must_be_present_positive_and_ascending() {
    let line = TOPOLOGY.lines().find(|line| line.starts_with("retry_delays_ms"));
    let line = line.expect("the topology file has retry delays");
    for wrong in [vec![], vec![5, 5], vec![0]] {
        assert_eq!(
            refusal(line, &format!("retry_delays_ms = {wrong:?}")),
            Invalid::RetryDelays(wrong)
        );
    }
}

#[test]
fn a_limit_of_zero_is_refused() {
    assert_eq!(
        refusal("\ndelivery_limit = 1000\n", "\ndelivery_limit = 0\n"),
        Invalid::Limit("delivery_limit")
    );
}

#[test]
fn names_with_special_characters_are_refused() {
    assert_eq!(
        refusal("platform-events", "platform.*"),
        Invalid::Name("platform.*".to_owned())
    );
    assert_eq!(
        refusal("order.placed", "order.placed.v2"),
        Invalid::Key("order.placed.v2".to_owned())
    );
}

#[test]
fn a_queue_shared_by_two_services_is_refused() {
    assert!(matches!(
        refusal("payment-queue", "inventory-queue"),
        Invalid::QueueTwice { .. }
    ));
}

#[test]
fn a_queue_without_bindings_and_bindings_without_a_queue_are_refused() {
    let no_queue = refusal("queue = \"order-queue\"\n", "");
    assert_eq!(no_queue, Invalid::BindingsWithoutQueue("order-service".to_owned()));
    let no_bindings = refusal("bindings = [\"#\"]\n", "");
    assert_eq!(
        no_bindings,
        Invalid::QueueWithoutBindings("analytics-service".to_owned())
    );
}

#[test]
fn a_queue_whose_service_others_wait_for_cannot_have_a_bound() {
    let bound = |queue: &str| {
        let line = format!("queue = \"{queue}\"\n");
        refusal(&line, &format!("{line}length_bytes_max = 1000\n"))
    };
    assert_eq!(bound("order-queue"), Invalid::Bound("order-service".to_owned()));
    assert_eq!(bound("payment-queue"), Invalid::Bound("payment-service".to_owned()));
    let none = refusal("length_bytes_max = 4294967296", "length_bytes_max = 0");
    assert_eq!(none, Invalid::Limit("length_bytes_max"));
}

#[test]
fn an_event_with_two_publishers_none_or_no_catalogue_entry_is_refused() {
    let twice = refusal(
        "publishes = [\"user.registered\"",
        "publishes = [\"order.placed\", \"user.registered\"",
    );
    assert!(matches!(twice, Invalid::PublishedTwice { .. }), "{twice}");
    let unknown = refusal(
        "publishes = [\"user.registered\"",
        "publishes = [\"user.deleted\", \"user.registered\"",
    );
    assert!(matches!(unknown, Invalid::NotInCatalogue { .. }), "{unknown}");
    let orphan = refusal(
        "\"payment.failed\", \"payment.refunded\", \"payment.voided\"]",
        "\"payment.failed\", \"payment.refunded\"]",
    );
    assert_eq!(orphan, Invalid::NoPublisher("payment.voided".to_owned()));
}

#[test]
fn a_catalogue_that_contradicts_the_bindings_is_refused() {
    let missing = refusal(
        "bindings = [\"payment.*\", \"inventory.*\"]",
        "bindings = [\"payment.*\"]",
    );
    assert!(
        matches!(&missing, Invalid::CatalogueMismatch { event, .. } if event == "inventory.rejected"),
        "{missing}"
    );
    let unmatched = refusal(
        "bindings = [\"payment.*\", \"inventory.*\"]",
        "bindings = [\"payments.*\", \"inventory.*\"]",
    );
    assert!(matches!(unmatched, Invalid::UnmatchedBinding { .. }), "{unmatched}");
}

#[test]
fn a_partial_topology_keeps_only_its_queues() {
    let part = Topology::load()
        .unwrap()
        .only(&["order-queue"])
        .with_retry_delays_ms(&[50]);
    assert_eq!(part.queues().collect::<Vec<_>>(), ["order-queue"]);
    assert!(part.events["order.placed"].is_empty());
    assert!(part.events["payment.voided"].contains("order-queue"));
    assert_eq!(part.retry_delays_ms, [50]);
}
