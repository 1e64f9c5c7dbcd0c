//! What can grow or stall is a metric, and an alarm while it is past its limit.

use crate::fixture::{PropertyLost, TicketTorn, emit, env, open, run, sold};
use chrono::TimeDelta;
use kernel::{clock, id};
use sqlx::PgPool;
use testkit::{TestService, eventually};

async fn metrics(service: &TestService) -> String {
    let answer = service
        .request(reqwest::Method::GET, "/internal/metrics")
        .send()
        .await
        .unwrap();
    answer.text().await.unwrap()
}

async fn until_metric(service: &TestService, line: &str) {
    eventually(line, || async {
        metrics(service).await.lines().any(|found| found == line).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_raises_an_alarm_that_is_cleared_when_the_broker_takes_it() {
    runtime::telemetry::start("off");
    let env = env().await;
    let (service, config) = open(&env).await;
    emit(&config.database(), &PropertyLost(id::new())).await;
    until_metric(&service, "outbox_refused_rows 1").await;
    until_metric(&service, "outbox_rows 1").await;
    until_metric(&service, "alarm_raised{alarm=\"events refused by the broker\"} 1").await;
    until_metric(&service, "relay_shards 16").await;
    // The probe's own queue takes everything.
    let _events = env.events().await;
    until_metric(&service, "outbox_refused_rows 0").await;
    until_metric(&service, "alarm_raised{alarm=\"events refused by the broker\"} 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_instance_publishes_an_alarm_says_so_within_seconds() {
    runtime::telemetry::start("off");
    let env = env().await;
    let stranger = PgPool::connect(&env.database_url).await.unwrap();
    let mut lock = stranger.acquire().await.unwrap();
    // Held exclusively, it keeps every instance from becoming a member.
    let relay = sqlx::query("select pg_advisory_lock(hashtextextended('relay', 0))");
    relay.execute(&mut *lock).await.unwrap();
    let (service, config) = open(&env).await;
    emit(&config.database(), &TicketTorn(id::new())).await;
    until_metric(&service, "alarm_raised{alarm=\"no instance publishes\"} 1").await;
    let stalled_s = service.status().await["outbox"]["stalledS"].as_f64();
    assert!(stalled_s.is_some_and(|stalled_s| stalled_s < 60.0), "{stalled_s:?}");
    drop(lock);
    stranger.close().await;
    until_stalled(&service, false).await;
}

async fn until_stalled(service: &TestService, stalled: bool) {
    eventually("the outbox to move", || async {
        let outbox = service.status().await["outbox"].clone();
        (outbox["pending"].is_i64() && outbox["stalledS"].is_f64() == stalled).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_waits_behind_a_refused_one_is_no_stalled_outbox() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let subject = id::new();
    emit(&config.database(), &PropertyLost(subject)).await;
    emit(&config.database(), &TicketTorn(subject)).await;
    eventually("a refused event", || async {
        let outbox = service.status().await["outbox"].clone();
        (outbox["refused"] == 1 && outbox["pending"] == 2).then_some(())
    })
    .await;
    run(
        &service.database,
        "update outbox set created_at = created_at - interval '1 min'",
    )
    .await;
    until_stalled(&service, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_the_oldest_dead_letter_is_that_of_its_event() {
    runtime::telemetry::start("off");
    let env = env().await;
    let (service, _) = open(&env).await;
    let events = env.events().await;
    events.publish(&sold("hopeless")).await;
    let mut old = sold("hopeless");
    old.metadata.timestamp = clock::now() - TimeDelta::days(25);
    events.publish(&old).await;
    let day_s = 86_400.0;
    eventually("the age of the event", || async {
        let letters = service.status().await["deadLetters"].clone();
        let age_s = letters["oldestEventAgeS"]["seats-queue"].as_f64()?;
        (age_s >= 25.0 * day_s && age_s < 26.0 * day_s).then_some(())
    })
    .await;
    let alarm = "alarm_raised{alarm=\"dead letters of seats-queue soon too old to replay\"} 1";
    until_metric(&service, alarm).await;
}
