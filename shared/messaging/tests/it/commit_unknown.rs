//! A commit whose answer does not arrive may have happened or not. Either way the event takes effect once.

use crate::fixture::{MIGRATOR, assemble, config, count, env, sold, until_count};
use testkit::{arm, eventually};

/// Publishes one event to a service of this name, whose first commit fails in this way. Returns how many deliveries were
/// duplicates.
async fn duplicates_after(failpoint: &str, service: &'static str) -> u64 {
    let env = env().await;
    let armed = arm(failpoint, service);
    let running = env.start(service, &MIGRATOR, config("one"), assemble).await;
    env.events().await.publish(&sold("good")).await;
    let consumer = eventually("the event to be acknowledged", || async {
        let consumer = running.status().await["consumer"].clone();
        let done = consumer["handled"].as_u64()? + consumer["duplicates"].as_u64()?;
        (done == 1 && consumer["inFlight"] == 0).then_some(consumer)
    })
    .await;
    assert!(!armed.exists(), "no commit failed");
    until_count(&running.database, "select count(*) from seats", 1).await;
    assert_eq!(count(&running.database, "select count(*) from inbox").await, 1);
    assert_eq!(consumer["retried"], 0, "{consumer}");
    consumer["duplicates"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_is_recognised_by_its_inbox_row() {
    assert_eq!(duplicates_after("commit-unheard", "seats-unheard").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_commit_is_repeated() {
    assert_eq!(duplicates_after("commit-lost", "seats-lost").await, 0);
}
