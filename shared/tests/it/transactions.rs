//! A caller that goes away in the middle of BEGIN leaves nothing behind in the pool.

use crate::theatre::{bed, open, until_count};
use shared::context::Context;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_begin_that_is_dropped_half_way_leaves_no_transaction_open() {
    let bed = bed().await;
    let (service, config) = open(&bed).await;
    let database = config.database();
    let context = Context::new();
    let mut dropped = 0;
    for microseconds in (0..3_000).step_by(10) {
        let begin = database.begin(&context);
        if tokio::time::timeout(Duration::from_micros(microseconds), begin)
            .await
            .is_err()
        {
            dropped += 1;
        }
    }
    assert!(
        dropped > 10,
        "only {dropped} were dropped before they were done: that shows nothing"
    );
    let open = "select count(*) from pg_stat_activity
                where datname = current_database() and state like 'idle in transaction%'";
    until_count(&service.database, open, 0).await;
}
