//! What can grow or stall is a metric, and an alarm while it is past its limit.

use crate::fixture::{PropertyLost, emit, env, open};
use kernel::id;
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
