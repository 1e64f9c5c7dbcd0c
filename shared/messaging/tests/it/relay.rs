//! The relay deletes only rows that the broker has confirmed and routed, and keeps each subject's order.

use crate::fixture::{PropertyLost, TicketTorn, count, emit, env, open, until_count};
use fault_proxy::{Link, LinkFault};
use kernel::{context::Context, id};
use messaging::Tx;
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use testkit::eventually;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_events_only_the_unroutable_one_stays_in_the_outbox() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let database = config.database();
    let mut tx = Tx::begin(&database, &Context::new()).await.unwrap();
    let mut lost = Uuid::nil();
    for number in 0..1_000 {
        // One key that no queue is bound to, somewhere in the middle of the pipeline.
        if number == 617 {
            lost = tx.emit(&PropertyLost(id::new())).await.unwrap();
        } else {
            tx.emit(&TicketTorn(id::new())).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    until_count(&service.database, "select count(*) from published", 999).await;
    until_count(&service.database, "select count(*) from outbox", 1).await;
    let stays: (Uuid, String) = sqlx::query_as("select event_id, coalesce(last_error, '') from outbox")
        .fetch_one(&service.database)
        .await
        .unwrap();
    assert_eq!(stays.0, lost);
    assert!(stays.1.contains("312"), "the broker's reason is kept: {}", stays.1);
    assert_eq!(service.status().await["outbox"]["refused"], 1);
    until_count(&service.database, "select count(*) from inbox", 999).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_about_one_subject_arrive_in_outbox_order() {
    let env = env().await;
    let mut events = env.events().await;
    let (_service, config) = open(&env).await;
    let database = config.database();
    let subjects: Vec<Uuid> = (0..8).map(|_| id::new()).collect();
    for _ in 0..40 {
        for subject in &subjects {
            emit(&database, &TicketTorn(*subject)).await;
        }
    }
    for subject in &subjects {
        events.wait_for_nth("ticket.torn", *subject, 40).await;
    }
    let mut last: HashMap<Uuid, i64> = HashMap::new();
    for event in events.seen() {
        let expected = last.get(&event.metadata.subject).copied().unwrap_or_default() + 1;
        assert_eq!(event.metadata.sequence, expected);
        last.insert(event.metadata.subject, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_holds_the_later_events_of_its_subject() {
    let env = env().await;
    let mut events = env.events().await;
    let (service, config) = open(&env).await;
    let database = config.database();
    // The probe's own queue takes everything: only without it is a key unroutable.
    let (stuck, free) = (id::new(), id::new());
    drop(events);
    let mut tx = Tx::begin(&database, &Context::new()).await.unwrap();
    tx.emit(&PropertyLost(stuck)).await.unwrap();
    tx.emit(&TicketTorn(stuck)).await.unwrap();
    tx.emit(&TicketTorn(free)).await.unwrap();
    tx.commit().await.unwrap();
    until_count(&service.database, "select count(*) from published", 1).await;
    until_count(&service.database, "select count(*) from outbox where refusals > 1", 1).await;
    assert_eq!(count(&service.database, "select count(*) from outbox").await, 2);
    // Once a queue is bound, both are published, in order.
    events = env.events().await;
    let first = events.wait_for("property.lost", stuck).await;
    let second = events.wait_for("ticket.torn", stuck).await;
    assert_eq!((first.metadata.sequence, second.metadata.sequence), (1, 2));
    until_count(&service.database, "select count(*) from outbox", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_closes_the_channel_does_not_stop_the_others() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let database = config.database();
    // As if a dead letter were replayed to a queue whose exchange is gone: the broker answers 404 and closes the channel.
    sqlx::query(
        "insert into outbox (event_id, exchange, routing_key, event_type, body, correlation_id)
         values ($1, 'gone.retry', 'replay', 'ticket.torn', '{}', 'none')",
    )
    .bind(id::new())
    .execute(&service.database)
    .await
    .unwrap();
    for _ in 0..50 {
        emit(&database, &TicketTorn(id::new())).await;
    }
    until_count(&service.database, "select count(*) from published", 50).await;
    let held = "select count(*) from outbox where refusals > 0 and last_error like '%NOT_FOUND%'";
    until_count(&service.database, held, 1).await;
}

/// Inserts rows of many subjects, every twentieth of them to an exchange that does not exist: 404, and the channel is closed.
const ONE_IN_TWENTY_REFUSED: &str = "
    insert into outbox (event_id, exchange, routing_key, event_type, subject, body, correlation_id)
    select gen_random_uuid(), case when number % 20 = 0 then 'gone.retry' else 'platform-events' end,
           case when number % 20 = 0 then 'replay' else 'ticket.torn' end, 'ticket.torn', gen_random_uuid(), '{}', 'none'
    from generate_series(1, 2000) number";

#[tokio::test(flavor = "multi_thread")]
async fn a_share_of_refused_events_does_not_stop_the_others() {
    let env = env().await;
    let (service, config) = open(&env).await;
    sqlx::query(ONE_IN_TWENTY_REFUSED)
        .execute(&service.database)
        .await
        .unwrap();
    config.database().signals().notify("outbox");
    until_count(&service.database, "select count(*) from published", 1_900).await;
    assert_eq!(count(&service.database, "select count(*) from outbox").await, 100);
    let outbox = service.status().await["outbox"].clone();
    assert_eq!(outbox["refusedRoutes"][0]["exchange"], "gone.retry", "{outbox}");
    assert_eq!(outbox["refusedRoutes"][0]["rows"], 100, "{outbox}");
    let reason = outbox["refusedRoutes"][0]["lastError"].as_str().unwrap();
    assert!(reason.contains("NOT_FOUND"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_refused_route_go_out_in_order_once_the_broker_takes_them() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let database = config.database();
    let subjects: Vec<Uuid> = (0..20).map(|_| id::new()).collect();
    for subject in &subjects {
        emit(&database, &PropertyLost(*subject)).await;
        emit(&database, &TicketTorn(*subject)).await;
    }
    let refused = "select count(*) from outbox_refusals where routing_key = 'property.lost'";
    until_count(&service.database, refused, 1).await;
    assert_eq!(count(&service.database, "select count(*) from outbox").await, 40);
    assert_eq!(count(&service.database, "select count(*) from published").await, 0);
    // The probe's own queue takes everything.
    let mut events = env.events().await;
    for subject in &subjects {
        let first = events.wait_for("property.lost", *subject).await;
        let second = events.wait_for("ticket.torn", *subject).await;
        assert_eq!((first.metadata.sequence, second.metadata.sequence), (1, 2));
    }
    until_count(&service.database, "select count(*) from outbox", 0).await;
    until_count(&service.database, refused, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_written_as_a_message_stays_alone() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let database = config.database();
    emit(&database, &TicketTorn(id::new())).await;
    until_count(&service.database, "select count(*) from published", 1).await;
    // Longer than AMQP can write. It is of a route that the broker takes, and must not make that one suspicious.
    sqlx::query(
        "insert into outbox (event_id, exchange, routing_key, event_type, subject, body, correlation_id)
         values (gen_random_uuid(), 'platform-events', 'ticket.torn', 'ticket.torn', gen_random_uuid(), '{}', repeat('x', 300))",
    )
    .execute(&service.database)
    .await
    .unwrap();
    for _ in 0..50 {
        emit(&database, &TicketTorn(id::new())).await;
    }
    until_count(&service.database, "select count(*) from published", 51).await;
    let held = "select count(*) from outbox where refusals > 0 and last_error is not null";
    until_count(&service.database, held, 1).await;
    assert_eq!(
        count(&service.database, "select count(*) from outbox_refusals").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_amid_a_backlog_leaves_the_rest_to_the_next_start_and_publishes_nothing_twice() {
    const EVENTS: usize = 6_000;
    let mut env = env().await;
    let mut events = env.events().await;
    let direct = env.rabbitmq_url.clone();
    let (link, through) = Link::in_front_of(&direct).await.unwrap();
    env.rabbitmq_url = through;
    let (service, config) = open(&env).await;
    // So slow that the backlog outlasts the stop, and hundreds of events wait for their confirms at any moment.
    link.set(LinkFault::Latency(Duration::from_millis(300)));
    let mut tx = Tx::begin(&config.database(), &Context::new()).await.unwrap();
    for _ in 0..EVENTS {
        tx.emit(&TicketTorn(id::new())).await.unwrap();
    }
    tx.commit().await.unwrap();
    eventually("the first of them to be published", || async {
        (count(&service.database, "select count(*) from published").await > 0).then_some(())
    })
    .await;
    let pool = service.database.clone();
    service.stop().await;
    assert_ne!(count(&pool, "select count(*) from outbox").await, 0, "a part is left");

    env.rabbitmq_url = direct;
    let (_next, config) = open(&env).await;
    until_count(&pool, "select count(*) from outbox", 0).await;
    let last = id::new();
    emit(&config.database(), &TicketTorn(last)).await;
    events.wait_for("ticket.torn", last).await;
    let distinct: HashSet<Uuid> = events.seen().iter().map(|event| event.metadata.event_id).collect();
    assert_eq!((distinct.len(), events.seen().len()), (EVENTS + 1, EVENTS + 1));
}
