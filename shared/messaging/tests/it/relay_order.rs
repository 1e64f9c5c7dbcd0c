//! Several events of one subject are on their way at once, and stay in order whatever becomes of one of them.

use crate::fixture::{PropertyLost, TicketTorn, emit, env, open, until_count};
use fault_proxy::Link;
use kernel::{context::Context, id};
use messaging::{Database, Event, Tx};
use testkit::EventProbe;
use uuid::Uuid;

const WAITING: &str = "select count(*) from outbox";
const EVENTS: i64 = 300;

/// Emits that many events of one subject in one transaction.
async fn emit_many(database: &Database, event: &impl Event) {
    let mut tx = Tx::begin(database, &Context::new()).await.unwrap();
    for _ in 0..EVENTS {
        tx.emit(event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Waits for the event of the subject with this number, and asserts that none came before an earlier one. Some may come again.
async fn assert_in_order(events: &mut EventProbe, event_type: &str, subject: Uuid, newest: i64) {
    let (mut nth, mut last) = (0, 0);
    while last < newest {
        nth += 1;
        let sequence = events.wait_for_nth(event_type, subject, nth).await.metadata.sequence;
        assert!(sequence <= last + 1, "{sequence} came after {last}");
        last = last.max(sequence);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_returns_of_a_route_that_the_broker_took_before() {
    let env = env().await;
    let mut events = env.events().await;
    let (service, config) = open(&env).await;
    let (before, subject) = (id::new(), id::new());
    emit(&config.database(), &PropertyLost(before)).await;
    events.wait_for("property.lost", before).await;
    // The probe's own queue takes everything; without it all of them are returned.
    drop(events);
    emit_many(&config.database(), &PropertyLost(subject)).await;
    until_count(&service.database, "select count(*) from outbox_refusals", 1).await;
    let mut events = env.events().await;
    assert_in_order(&mut events, "property.lost", subject, EVENTS).await;
    until_count(&service.database, WAITING, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_route_that_the_broker_returns_between_two_that_it_takes() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let database = config.database();
    let subject = id::new();
    emit_many(&database, &TicketTorn(subject)).await;
    emit(&database, &PropertyLost(subject)).await;
    emit_many(&database, &TicketTorn(subject)).await;
    until_count(&service.database, "select count(*) from outbox where refusals > 0", 1).await;
    until_count(&service.database, "select count(*) from published", EVENTS).await;
    until_count(&service.database, WAITING, EVENTS + 1).await;
    let mut events = env.events().await;
    events.wait_for("property.lost", subject).await;
    until_count(&service.database, WAITING, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_connection_that_is_cut() {
    let mut env = env().await;
    let mut events = env.events().await;
    let (link, through) = Link::in_front_of(&env.rabbitmq_url).await.unwrap();
    env.rabbitmq_url = through;
    let (service, config) = open(&env).await;
    let subject = id::new();
    for _ in 0..3 {
        emit_many(&config.database(), &TicketTorn(subject)).await;
        link.reset();
    }
    assert_in_order(&mut events, "ticket.torn", subject, 3 * EVENTS).await;
    until_count(&service.database, WAITING, 0).await;
}
