//! Calls to the outside are asked for until their outcome is definite, and then no more.

use crate::theatre::{AWAY, bed, count, open, until_count};
use shared::{context::Context, id, testing::eventually};
use std::{sync::atomic::Ordering, time::Instant};

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_is_performed_until_its_outcome_is_definite() {
    let bed = bed().await;
    let (service, config) = open(&bed).await;
    let database = config.database();
    let intent = id::new();
    for _ in 0..2 {
        let mut tx = database.begin(&Context::new()).await.unwrap();
        tx.intend("call", intent, id::new(), &()).await.unwrap();
        tx.commit().await.unwrap();
    }
    until_count(&service.database, "select count(*) from calls", 1).await;
    assert_eq!(count(&service.database, "select attempt::bigint from calls").await, 3);
    until_count(
        &service.database,
        "select count(*) from intents where done_at is null",
        0,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_can_be_withdrawn_only_before_its_first_try() {
    let bed = bed().await;
    let (service, config) = open(&bed).await;
    let database = config.database();
    let (untried, tried) = (id::new(), id::new());
    let mut tx = database.begin(&Context::new()).await.unwrap();
    tx.intend("nobody performs this", untried, id::new(), &())
        .await
        .unwrap();
    tx.intend("call", tried, id::new(), &()).await.unwrap();
    tx.commit().await.unwrap();
    until_count(
        &service.database,
        "select count(*) from intents where kind = 'call' and attempts > 0",
        1,
    )
    .await;
    let mut tx = database.begin(&Context::new()).await.unwrap();
    assert!(tx.withdraw(untried).await.unwrap());
    assert!(!tx.withdraw(tried).await.unwrap());
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_long_keeps_its_claim() {
    let bed = bed().await;
    let (service, config) = open(&bed).await;
    let _other = open(&bed).await;
    let mut tx = config.database().begin(&Context::new()).await.unwrap();
    tx.intend("call", id::new(), id::new(), &"long").await.unwrap();
    tx.commit().await.unwrap();
    until_count(&service.database, "select count(*) from calls", 1).await;
    assert_eq!(count(&service.database, "select attempt::bigint from calls").await, 1);
    until_count(
        &service.database,
        "select count(*) from intents where done_at is null",
        0,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_were_not_made_are_no_attempts() {
    let bed = bed().await;
    let (service, config) = open(&bed).await;
    let mut tx = config.database().begin(&Context::new()).await.unwrap();
    tx.intend("call", id::new(), id::new(), &"away").await.unwrap();
    tx.commit().await.unwrap();
    // After the seventh attempt there would be half a minute to wait; after the first real one there is a second.
    until_count(
        &service.database,
        "select count(*) from intents where last_error = 'no answer' and due_at < now() + interval '2 s'",
        1,
    )
    .await;
    until_count(&service.database, "select count(*) from calls", 1).await;
    assert_eq!(count(&service.database, "select attempt::bigint from calls").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_can_be_asked_the_calls_rest() {
    let bed = bed().await;
    let (service, config) = open(&bed).await;
    let mut tx = config.database().begin(&Context::new()).await.unwrap();
    for _ in 0..100 {
        tx.intend("call", id::new(), id::new(), &"gone").await.unwrap();
    }
    let started = Instant::now();
    tx.commit().await.unwrap();
    // Eight at a time find the circuit open; the others are not even claimed before it may be closed.
    eventually("the third round of eight", || async {
        (config.tries.load(Ordering::SeqCst) > 16).then_some(())
    })
    .await;
    assert!(started.elapsed() >= 2 * AWAY, "{:?}", started.elapsed());

    config.failing.store(false, Ordering::SeqCst);
    until_count(&service.database, "select count(*) from calls where attempt = 1", 100).await;
}
