//! Everything that was ever published is published again; nothing changes.

use crate::stage::{Stage, eventually, must};
pub(crate) use by_hand::publish;
use e2e::ledger;
use std::collections::BTreeMap;

#[tokio::test(flavor = "multi_thread")]
async fn every_event_sent_again_changes_nothing() {
    let stage = Stage::open().await;
    let orders = stage.orders(2, 8).await;
    stage.all_settle(&orders).await;
    let analytics = must(stage.platform.database("ANALYTICS_DATABASE_URL"));
    let events: Vec<(String, String)> = eventually("analytics to have every event", || async {
        let rows: Vec<(String, String)> = sqlx::query_as(EVENTS).fetch_all(&analytics).await.ok()?;
        (rows.len() > orders.len() * 4).then_some(rows)
    })
    .await;
    let before = snapshot(&stage).await;
    let duplicates_before = duplicates(&stage).await;
    for (event_type, body) in &events {
        publish(&stage, event_type, body).await;
    }
    // Analytics takes every event, so it has as many duplicates as there were repetitions.
    eventually("every repetition to be recognised", || async {
        (duplicates(&stage).await >= duplicates_before + events.len() as u64).then_some(())
    })
    .await;
    stage.everything_agrees().await;
    assert_eq!(snapshot(&stage).await, before);
}

const EVENTS: &str = "select event_type, envelope::text from events order by event_at limit 2000";

/// Every order's status, what the provider did for it, and every counter of stock.
async fn snapshot(stage: &Stage) -> BTreeMap<String, String> {
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
        let pool = must(stage.platform.database(database));
        let rows: Vec<(String, String)> = sqlx::query_as(statement)
            .fetch_all(&pool)
            .await
            .expect("a table to read");
        all.extend(rows);
    }
    let accounts = must(ledger::accounts(&stage.platform).await);
    all.extend(
        accounts
            .into_iter()
            .map(|(order, account)| (format!("account of {order}"), format!("{account:?}"))),
    );
    all
}

async fn duplicates(stage: &Stage) -> u64 {
    let status = must(stage.platform.status("ANALYTICS_SERVICE_URL").await);
    status["consumer"]["duplicates"]
        .as_u64()
        .expect("a status counts duplicates")
}

/// Publishing by way of RabbitMQ's management API, as an operator could.
mod by_hand {
    use crate::stage::{Stage, must};
    use e2e::answer::Answer;
    use reqwest::{Method, StatusCode};
    use serde_json::json;

    pub(crate) async fn publish(stage: &Stage, event_type: &str, body: &str) {
        let platform = &stage.platform;
        let vhost = must(platform.variable("RABBITMQ_VHOST"));
        let path = format!("/api/exchanges/{vhost}/platform-events/publish");
        let message = json!({ "properties": { "delivery_mode": 2 }, "routing_key": event_type, "payload": body,
            "payload_encoding": "string" });
        let request = platform
            .request_to(&platform.management, Method::POST, &path)
            .basic_auth(
                must(platform.variable("RABBITMQ_OPERATOR_USER")),
                platform.variable("RABBITMQ_OPERATOR_PASSWORD").ok(),
            )
            .json(&message);
        let answer = must(must(Answer::of("publishing", request).await).expect(StatusCode::OK));
        assert_eq!(answer.value()["routed"], true, "{event_type} reached no queue");
    }
}
