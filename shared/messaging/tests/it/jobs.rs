//! Jobs are attempted until their outcome is definite, and then no more.

use crate::fixture::{AWAY, Call, Unserved, count, enqueue, env, open, until_count};
use kernel::{context::Context, id};
use messaging::Tx;
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use testkit::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_attempted_until_its_outcome_is_definite() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let database = config.database();
    let job = id::new();
    for _ in 0..2 {
        enqueue(&database, job, &Call(None)).await;
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
async fn a_job_can_be_cancelled_only_before_its_first_attempt() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let database = config.database();
    let (untried, tried) = (id::new(), id::new());
    enqueue(&database, untried, &Unserved).await;
    enqueue(&database, tried, &Call(None)).await;
    until_count(
        &service.database,
        "select count(*) from intents where kind = 'call' and attempts > 0",
        1,
    )
    .await;
    let mut tx = Tx::begin(&database, &Context::new()).await.unwrap();
    assert!(tx.cancel_job(untried).await.unwrap());
    assert!(!tx.cancel_job(tried).await.unwrap());
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_long_keeps_its_lease() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let _other = open(&env).await;
    enqueue(&config.database(), id::new(), &Call::of("long")).await;
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
async fn calls_that_the_breaker_refused_count_no_attempt() {
    let env = env().await;
    let (service, config) = open(&env).await;
    enqueue(&config.database(), id::new(), &Call::of("away")).await;
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
async fn an_open_circuit_pauses_every_job_of_the_kind() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let mut tx = Tx::begin(&config.database(), &Context::new()).await.unwrap();
    for _ in 0..100 {
        tx.enqueue(id::new(), id::new(), &Call::of("gone")).await.unwrap();
    }
    let started = Instant::now();
    tx.commit().await.unwrap();
    // Eight at a time find the circuit open; the others are not even claimed before it may be closed. They have not failed.
    eventually("the third round of eight", || async {
        (config.tries.load(Ordering::SeqCst) > 16).then_some(())
    })
    .await;
    assert!(started.elapsed() >= 2 * AWAY, "{:?}", started.elapsed());

    config.failing.store(false, Ordering::SeqCst);
    until_count(&service.database, "select count(*) from calls where attempt = 1", 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_fail_slowly_for_ever_delay_no_good_one() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let mut tx = Tx::begin(&config.database(), &Context::new()).await.unwrap();
    for _ in 0..400 {
        tx.enqueue(id::new(), id::new(), &Call::of("slow")).await.unwrap();
    }
    tx.commit().await.unwrap();
    until_count(
        &service.database,
        "select count(*) from intents where last_error = 'no answer'",
        400,
    )
    .await;
    // From here on there are always many that are due, and that take 200 ms to fail.
    let enqueued = Instant::now();
    enqueue(&config.database(), id::new(), &Call::of("good")).await;
    until_count(&service.database, "select count(*) from calls", 1).await;
    assert!(enqueued.elapsed() < Duration::from_secs(3), "{:?}", enqueued.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_is_counted_up_to_a_limit() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let backlog = "insert into intents (id, kind, subject, payload, correlation_id, causation_id, parked_at)
         select gen_random_uuid(), 'unserved', gen_random_uuid(), 'null', 'test', 'test',
                case when number > 10500 then now() end
         from generate_series(1, 21000) as number";
    sqlx::query(backlog).execute(&service.database).await.unwrap();
    enqueue_unserved_kind(&service.database).await;
    let status = service.status().await;
    let kinds: Vec<_> = status["intents"].as_array().unwrap().iter().collect();
    assert_eq!(kinds.len(), 2, "{status}");
    assert_eq!(
        (&kinds[0]["kind"], &kinds[0]["pending"]),
        (&"another".into(), &1.into())
    );
    assert_eq!(
        (&kinds[1]["pending"], &kinds[1]["parked"]),
        (&10_000.into(), &10_000.into())
    );
}

async fn enqueue_unserved_kind(database: &sqlx::PgPool) {
    let job = "insert into intents (id, kind, subject, payload, correlation_id, causation_id)
               values (gen_random_uuid(), 'another', gen_random_uuid(), 'null', 'test', 'test')";
    sqlx::query(job).execute(database).await.unwrap();
}
