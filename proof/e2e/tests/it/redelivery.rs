//! Every event that was ever published is published again; nothing changes.

use crate::fixture::{Fixture, eventually, expect_ok};
use platform_client::{broker::Broker, description::services, ledger};
use std::collections::BTreeMap;

#[tokio::test(flavor = "multi_thread")]
async fn publishing_every_event_again_changes_nothing() {
    let fixture = Fixture::open().await;
    let orders = fixture.orders(2, 8).await;
    fixture.all_settle(&orders).await;
    let analytics = fixture.database("ANALYTICS_DATABASE_URL");
    let events: Vec<(String, String)> = eventually("analytics to have every event", async || {
        let rows: Vec<(String, String)> = sqlx::query_as(EVENTS).fetch_all(&analytics).await.ok()?;
        (rows.len() > orders.len() * 4).then_some(rows)
    })
    .await;
    let before = snapshot(&fixture).await;
    let duplicates_before = duplicates(&fixture).await;
    for (event_type, body) in &events {
        publish(&fixture, event_type, body).await;
    }
    // Analytics consumes every event, so it counts one duplicate for each repetition.
    eventually("every repetition to be recognised", async || {
        (duplicates(&fixture).await >= duplicates_before + events.len() as u64).then_some(())
    })
    .await;
    fixture.everything_agrees().await;
    assert_eq!(snapshot(&fixture).await, before);
}

const EVENTS: &str = "select event_type, envelope::text from events order by event_at limit 2000";

/// Every order's status, every stock counter, the number of notifications, and the provider's accounts.
async fn snapshot(fixture: &Fixture) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (database, statement) in [
        ("ORDER_DATABASE_URL", "select id::text, status || version from orders"),
        (
            "PRODUCT_DATABASE_URL",
            "select id::text, concat_ws(' ', available, reserved, sold) from products",
        ),
        (
            "NOTIFICATION_DATABASE_URL",
            "select 'notifications', count(*)::text from notifications",
        ),
    ] {
        let rows: Vec<(String, String)> = sqlx::query_as(statement)
            .fetch_all(&fixture.database(database))
            .await
            .expect("a table to read");
        all.extend(rows);
    }
    let accounts = ledger::accounts(&expect_ok(ledger::fetch(&fixture.platform).await));
    let accounts = accounts.into_iter();
    all.extend(accounts.map(|(order, account)| (format!("account of {order}"), format!("{account:?}"))));
    all
}

async fn duplicates(fixture: &Fixture) -> u64 {
    let analytics = services().iter().find(|service| service.name == "analytics-service");
    let status = fixture.platform.status(analytics.expect("there is analytics")).await;
    expect_ok(status)["consumer"]["duplicates"]
        .as_u64()
        .expect("a status counts duplicates")
}

/// Publishes through RabbitMQ's management API, as an operator could.
pub(crate) async fn publish(fixture: &Fixture, event_type: &str, body: &str) {
    let broker = expect_ok(Broker::new(&fixture.platform.environment));
    let routed = expect_ok(broker.publish(event_type, body).await);
    assert!(routed, "{event_type} reached no queue");
}
