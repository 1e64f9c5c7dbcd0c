//! A caller that goes away in the middle of BEGIN leaves nothing behind in the pool.

use crate::theatre::{bed, open, until_count};
use futures_util::poll;
use shared::context::Context;

#[tokio::test(flavor = "multi_thread")]
async fn a_begin_that_is_dropped_half_way_leaves_no_transaction_open() {
    let bed = bed().await;
    let (service, config) = open(&bed).await;
    let database = config.database();
    let context = Context::new();
    // Dropped after one look, after two, after three …: somewhere among them BEGIN is on its way.
    for looks in 1..400 {
        let mut begin = Box::pin(database.begin(&context));
        for _ in 0..looks {
            if poll!(&mut begin).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let open = "select count(*) from pg_stat_activity
                where datname = current_database() and state like 'idle in transaction%'";
    until_count(&service.database, open, 0).await;
}
