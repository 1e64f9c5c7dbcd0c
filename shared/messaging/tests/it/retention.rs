//! Rows are deleted when their retention has ended, and not before.

use crate::fixture::{env, open, until_count};
use kernel::id;
use messaging::run_retention;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::{Builder, Uuid};

/// Returns an id as it would have been created that many days ago.
fn id_of_age(days: i64) -> Uuid {
    let created_at = kernel::clock::now() - chrono::Duration::days(days);
    let created_ms = u64::try_from(created_at.timestamp_millis()).unwrap();
    Builder::from_unix_timestamp_millis(created_ms, &[7; 10]).into_uuid()
}

async fn insert_published(pool: &PgPool, event_id: Uuid, days: i32) {
    sqlx::query(
        "insert into published (event_id, event_type, subject, correlation_id, created_at, published_at)
         values ($1, 'ticket.sold', gen_random_uuid(), 'none', now(), now() - make_interval(days => $2))",
    )
    .bind(event_id)
    .bind(days)
    .execute(pool)
    .await
    .unwrap();
}

async fn insert_consumed(pool: &PgPool, event_id: Uuid, days: i32) {
    sqlx::query(
        "insert into inbox (event_id, event_type, source, subject, correlation_id, event_at, received_at)
         values ($1, 'ticket.sold', 'box-office', gen_random_uuid(), 'none', now(), now() - make_interval(days => $2))",
    )
    .bind(event_id)
    .bind(days)
    .execute(pool)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "the test stops it and awaits its end")]
async fn what_was_published_or_consumed_a_month_ago_is_deleted() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let pool = &service.database;
    insert_published(pool, id_of_age(31), 31).await;
    insert_consumed(pool, id_of_age(31), 31).await;
    // An event of another system, whose id says nothing of its age.
    insert_consumed(pool, Uuid::max(), 31).await;
    let waited = id_of_age(32);
    insert_published(pool, waited, 1).await;
    insert_published(pool, id::new(), 0).await;
    insert_consumed(pool, id_of_age(33), 29).await;
    let stop = CancellationToken::new();
    let sweeping = tokio::spawn(run_retention(config.database(), stop.clone()));
    until_count(pool, "select count(*) from published", 2).await;
    until_count(pool, "select count(*) from inbox", 1).await;
    let kept: bool = sqlx::query_scalar("select exists (select from published where event_id = $1)")
        .bind(waited)
        .fetch_one(pool)
        .await
        .unwrap();
    assert!(kept, "it waited in the outbox, and was published yesterday");
    stop.cancel();
    sweeping.await.unwrap();
}
