//! A transaction must not silently stay open after a BEGIN whose caller was dropped, nor roll back on COMMIT. What it sends to its
//! own service is no event for others.

use crate::fixture::{TicketSold, count, env, open, sold, until_count};
use futures_util::poll;
use kernel::{context::Context, id};
use messaging::Tx;

#[tokio::test(flavor = "multi_thread")]
async fn a_begin_that_is_dropped_half_way_leaves_no_transaction_open() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let database = config.database();
    let context = Context::new();
    // Dropped after one poll, after two, after three …: somewhere among them BEGIN is on its way.
    for polls in 1..400 {
        let mut begin = Box::pin(Tx::begin(&database, &context));
        for _ in 0..polls {
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

/// PostgreSQL answers ROLLBACK, and no error, to COMMIT after a failed statement.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_after_a_failed_statement_is_an_error() {
    let env = env().await;
    let (_service, config) = open(&env).await;
    let mut tx = Tx::begin(&config.database(), &Context::new()).await.unwrap();
    assert!(sqlx::query("select 1 / 0").execute(&mut *tx).await.is_err());
    let error = tx.commit().await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "25P02");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_swallows_an_error_of_the_database_loses_no_event() {
    let env = env().await;
    let (service, _) = open(&env).await;
    env.events().await.publish(&sold("careless")).await;
    let told = "select count(*) from dead_letters where reason like '%transaction is aborted%'";
    until_count(&service.database, told, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_back_comes_to_its_own_service_and_to_no_other() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let mut events = env.events().await;
    let mut tx = Tx::begin(&config.database(), &Context::new()).await.unwrap();
    let ticket = TicketSold {
        ticket: id::new(),
        mood: "good",
    };
    tx.loop_back("seats-queue", &ticket).await.unwrap();
    tx.commit().await.unwrap();
    until_count(&service.database, "select count(*) from seats", 1).await;
    until_count(&service.database, "select count(*) from outbox", 0).await;
    for table in [
        "select count(*) from published",
        "select count(*) from subject_sequences",
    ] {
        assert_eq!(count(&service.database, table).await, 0, "{table}");
    }
    let sign = sold("good");
    events.publish(&sign).await;
    events.wait_for("ticket.sold", sign.metadata.subject).await;
    assert_eq!(events.seen().len(), 1);
}
