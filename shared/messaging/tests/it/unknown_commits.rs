//! A commit whose answer does not arrive may have happened or not. Either way the event takes effect once.

use crate::theatre::{MIGRATOR, assemble, bed, config, count, sold, until_count};
use shared::testing::{arm, eventually};

/// Publishes one event to a service of this name, whose first commit goes wrong in this way; returns how many
/// deliveries turned out to have had their effect before.
async fn duplicates_after(failpoint: &str, service: &'static str) -> u64 {
    let bed = bed().await;
    let armed = arm(failpoint, service);
    let running = bed.start(service, &MIGRATOR, config("one"), assemble).await;
    bed.events().await.publish(&sold("good")).await;
    let consumer = eventually("the event to be acknowledged", || async {
        let consumer = running.status().await["consumer"].clone();
        let done = consumer["handled"].as_u64()? + consumer["duplicates"].as_u64()?;
        (done == 1 && consumer["inFlight"] == 0).then_some(consumer)
    })
    .await;
    assert!(!armed.exists(), "no commit went wrong");
    until_count(&running.database, "select count(*) from seats", 1).await;
    assert_eq!(count(&running.database, "select count(*) from inbox").await, 1);
    assert_eq!(consumer["retried"], 0, "{consumer}");
    consumer["duplicates"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_went_unheard_is_known_by_its_inbox_row() {
    assert_eq!(duplicates_after("commit-unheard", "seats-unheard").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_lost_is_made_again() {
    assert_eq!(duplicates_after("commit-lost", "seats-lost").await, 0);
}
