//! What waits is applied together, and fails by itself.

use crate::fixture::{Config, config, count, env, open, sold, until_count};
use fault_proxy::Link;
use kernel::id;
use messaging::Envelope;
use sqlx::{Connection, PgConnection, PgPool};
use testkit::{TestEnv, TestService, eventually};
use uuid::Uuid;

const SEATS: &str = "select count(*) from seats";
const DEAD: &str = "select count(*) from dead_letters";
/// A row keeps the id of the transaction that has inserted it.
const TRANSACTIONS: &str = "select count(distinct xmin::text) from seats";

/// Starts the service when all of the events are waiting.
async fn open_with(env: &TestEnv, waiting: &[Envelope]) -> (TestService, Config) {
    let events = env.events().await;
    for event in waiting {
        events.publish(event).await;
    }
    open(env).await
}

/// Waits until every delivery is acknowledged, and asserts that so many were duplicates.
async fn until_settled(service: &TestService, handled: u64, duplicates: u64) {
    let consumer = eventually("every delivery to be settled", || async {
        let consumer = service.status().await["consumer"].clone();
        (consumer["handled"].as_u64()? >= handled && consumer["inFlight"] == 0).then_some(consumer)
    })
    .await;
    let settled = (consumer["handled"].as_u64(), consumer["duplicates"].as_u64());
    assert_eq!(settled, (Some(handled), Some(duplicates)), "{consumer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_neighbours_of_poison_events_are_applied_together_and_once() {
    let env = env().await;
    let mut waiting: Vec<_> = (0..200).map(|_| sold("good")).collect();
    for (place, mood) in [(190, "panics"), (120, "hopeless"), (60, "careless"), (10, "drawn")] {
        waiting.insert(place, sold(mood));
    }
    let (service, _) = open_with(&env, &waiting).await;
    until_count(&service.database, DEAD, 4).await;
    until_settled(&service, 200, 0).await;
    assert_eq!(count(&service.database, SEATS).await, 200);
    let transactions = count(&service.database, TRANSACTIONS).await;
    assert!(transactions < 60, "{transactions} transactions of 200 events");
}

/// The inbox row of such an event cannot be written, and no handler is to blame.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_no_row_can_hold_fails_alone() {
    let env = env().await;
    let mut waiting: Vec<_> = (0..50).map(|_| sold("good")).collect();
    waiting[20].metadata.source = "a\0b".to_owned();
    let (service, _) = open_with(&env, &waiting).await;
    until_count(&service.database, DEAD, 1).await;
    until_settled(&service, 49, 0).await;
    assert_eq!(count(&service.database, SEATS).await, 49);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_three_times_in_a_batch_takes_effect_once() {
    let env = env().await;
    let tickets: Vec<_> = (0..40).map(|_| sold("good")).collect();
    let (service, _) = open_with(&env, &[tickets.clone(), tickets.clone(), tickets].concat()).await;
    until_settled(&service, 40, 80).await;
    assert_eq!(count(&service.database, SEATS).await, 40);
    assert!(count(&service.database, TRANSACTIONS).await < 20);
}

async fn ids_in_order(pool: &PgPool, subject: Uuid) -> Vec<Uuid> {
    sqlx::query_scalar("select event_id from seats where ticket = $1 order by number")
        .bind(subject)
        .fetch_all(pool)
        .await
        .expect("the seats can be read")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_subject_are_applied_in_the_order_of_arrival() {
    let env = env().await;
    let subjects: Vec<Uuid> = (0..5).map(|_| id::new()).collect();
    let mut waiting = Vec::new();
    for _ in 0..40 {
        for subject in &subjects {
            let mut event = sold("good");
            event.metadata.subject = *subject;
            waiting.push(event);
        }
    }
    let (service, _) = open_with(&env, &waiting).await;
    until_count(&service.database, SEATS, 200).await;
    for subject in subjects {
        let of_subject = waiting.iter().filter(|event| event.metadata.subject == subject);
        let sent: Vec<Uuid> = of_subject.map(|event| event.metadata.event_id).collect();
        assert_eq!(ids_in_order(&service.database, subject).await, sent);
    }
}

/// The broker's connection breaks after the handlers and before the acknowledgement.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_acknowledgement_is_lost_comes_again_and_changes_nothing() {
    let mut env = env().await;
    let events = env.events().await;
    let direct = env.rabbitmq_url.clone();
    let (link, through) = Link::in_front_of(&direct).await.unwrap();
    env.rabbitmq_url = through;
    let config = config("one");
    *config.link.lock().unwrap() = Some(link);
    for mood in ["good"; 100].into_iter().chain(["cuts"]) {
        events.publish(&sold(mood)).await;
    }
    let (migrator, assemble) = (&crate::fixture::MIGRATOR, crate::fixture::assemble);
    let service = env.start_unsubscribed("seat-service", migrator, config, assemble).await;
    let consumer = eventually("every delivery to be settled", || async {
        let consumer = service.status().await["consumer"].clone();
        (consumer["handled"] == 101 && consumer["duplicates"].as_u64()? > 0 && consumer["inFlight"] == 0)
            .then_some(consumer)
    })
    .await;
    assert_eq!(consumer["retried"], 0, "{consumer}");
    assert_eq!(count(&service.database, SEATS).await, 101);
    assert_eq!(
        count(&service.database, "select count(distinct event_id) from seats").await,
        101
    );
    env.rabbitmq_url = direct;
}

/// Were it to wait for company, it would wait for as long as the row is locked.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_arrives_alone_waits_for_no_other() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let mut stranger = PgConnection::connect(&env.database_url).await.unwrap();
    sqlx::raw_sql("begin; select from doors where id = 1 for update")
        .execute(&mut stranger)
        .await
        .unwrap();
    let events = env.events().await;
    events.publish(&sold("door")).await;
    for seats in 1..20 {
        events.publish(&sold("good")).await;
        until_count(&service.database, SEATS, seats).await;
    }
    stranger.close().await.unwrap();
    until_count(&service.database, SEATS, 20).await;
    let transactions = count(&service.database, TRANSACTIONS).await;
    assert_eq!(transactions, 20, "each was applied when it arrived");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_batch_are_emitted_together_and_numbered_by_subject() {
    let env = env().await;
    let subjects: Vec<Uuid> = (0..10).map(|_| id::new()).collect();
    let mut waiting = Vec::new();
    for number in 0..100 {
        let mut event = sold(if number < 10 { "reads" } else { "torn" });
        event.metadata.subject = subjects[number % 10];
        waiting.push(event);
    }
    let mut probe = env.events().await;
    let (service, _) = open_with(&env, &waiting).await;
    until_count(&service.database, "select count(*) from published", 100).await;
    assert_eq!(count(&service.database, DEAD).await, 0);
    for subject in subjects {
        for nth in 1..=10 {
            let torn = probe.wait_for_nth("ticket.torn", subject, nth).await;
            assert_eq!(torn.metadata.sequence, i64::try_from(nth).unwrap());
            let cause = waiting
                .iter()
                .find(|event| event.metadata.event_id.to_string() == torn.metadata.causation_id);
            assert_eq!(cause.map(|event| event.metadata.subject), Some(subject));
        }
    }
    let written = "select count(distinct created_at) from published";
    assert!(
        count(&service.database, written).await < 50,
        "each was inserted by itself"
    );
}
