//! Reading: one order with its entity tag, the list, the timeline, and 404 for another user's order.

use crate::fixture::{Fixture, method, problem};
use serde_json::Value;
use testkit::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_entity_tag_changes_with_the_order() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.place().await;
    let path = format!("/api/orders/{}", placed.id);
    let first = fixture.service.get(&path, &placed.identity).send().await.unwrap();
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag} is no strong tag");

    for header in [tag.clone(), format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
        let known = fixture
            .service
            .get(&path, &placed.identity)
            .header("If-None-Match", header)
            .send()
            .await
            .unwrap();
        assert_eq!(known.status(), 304);
        assert_eq!(known.headers()["etag"], tag.as_str());
        assert!(known.bytes().await.unwrap().is_empty());
    }
    fixture.publish("inventory.reserved", placed.id).await;
    fixture.until(&placed, "stock", "reserved").await;
    let changed = fixture
        .service
        .get(&path, &placed.identity)
        .header("If-None-Match", &tag)
        .send()
        .await
        .unwrap();
    assert_eq!(changed.status(), 200);
    assert_ne!(changed.headers()["etag"], tag.as_str());
    let bad = fixture
        .service
        .get(&path, &placed.identity)
        .header("If-None-Match", "3")
        .send()
        .await
        .unwrap();
    problem(bad, 400).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_own_orders_newest_first_page_by_page() {
    let mut fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    fixture.place().await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.insert(0, fixture.place_as(&identity).await.id.to_string());
    }
    let mut seen = Vec::new();
    let mut path = "/api/orders?limit=2".to_owned();
    loop {
        let page: Value = fixture
            .service
            .get(&path, &identity)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        assert!(items.iter().all(|order| order["items"][0]["quantity"] == 2));
        seen.extend(items.iter().map(|order| order["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["nextCursor"].as_str() else {
            break;
        };
        path = format!("/api/orders?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_input_is_refused_by_every_route() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.place().await;
    for query in ["limit=0", "limit=101", "limit=-1", "limit=x", "cursor=x", "cursor="] {
        let path = format!("/api/orders?{query}");
        problem(fixture.service.get(&path, &placed.identity).send().await.unwrap(), 400).await;
    }
    let admin = fixture.admin();
    for (verb, path) in [
        ("GET", "/api/orders/{}"),
        ("GET", "/api/orders/{}/timeline"),
        ("POST", "/api/orders/{}/cancel"),
        ("POST", "/api/orders/{}/ship"),
        ("POST", "/api/orders/{}/deliver"),
    ] {
        for (id, status) in [("1", 400), ("%00", 400), ("018f0000-0000-7000-8000-000000000000", 404)] {
            let path = path.replace("{}", id);
            let request = fixture
                .service
                .request(method(verb), &path)
                .header("X-Identity", &admin);
            problem(request.send().await.unwrap(), status).await;
        }
        let path = path.replace("{}", &placed.id.to_string());
        problem(fixture.service.request(method(verb), &path).send().await.unwrap(), 401).await;
    }
    for (verb, path) in [
        ("DELETE", "/api/orders"),
        ("PUT", "/api/orders/1"),
        ("GET", "/api/orders/1/ship"),
    ] {
        problem(fixture.service.request(method(verb), path).send().await.unwrap(), 405).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_of_another_user_is_404() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.place().await;
    let (_, stranger) = fixture.customer();
    let path = format!("/api/orders/{}", placed.id);
    problem(fixture.service.get(&path, &stranger).send().await.unwrap(), 404).await;
    problem(
        fixture
            .service
            .get(&format!("{path}/timeline"), &stranger)
            .send()
            .await
            .unwrap(),
        404,
    )
    .await;
    problem(fixture.act(&placed, "cancel", &stranger).await, 404).await;
    let list: Value = fixture
        .service
        .get("/api/orders", &stranger)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(list["items"], serde_json::json!([]));
    assert_eq!(fixture.order(&placed).await["status"], "placed");
    // An administrator may read the timeline of any order, and no more.
    let admin = fixture.admin();
    assert_eq!(
        fixture
            .service
            .get(&format!("{path}/timeline"), &admin)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    problem(fixture.service.get(&path, &admin).send().await.unwrap(), 404).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_timeline_lists_published_and_consumed_events_in_order() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.place().await;
    fixture.publish("inventory.reserved", placed.id).await;
    fixture.until(&placed, "stock", "reserved").await;
    fixture.publish("payment.completed", placed.id).await;
    fixture.probe.wait_for("order.confirmed", placed.id).await;
    let path = format!("/api/orders/{}/timeline", placed.id);
    let timeline = eventually("everything to be published", || async {
        let page: Value = fixture
            .service
            .get(&path, &placed.identity)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        (!page.to_string().contains("pending")).then_some(page)
    })
    .await;
    let items = timeline["items"].as_array().unwrap();
    let told: Vec<_> = items
        .iter()
        .map(|item| ["type", "source", "direction"].map(|field| item[field].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ["order.placed", "order-service", "published"],
            ["inventory.reserved", "product-service", "consumed"],
            ["payment.completed", "payment-service", "consumed"],
            ["order.payment_received", "order-service", "published"],
            ["order.confirmed", "order-service", "published"],
        ]
    );
    assert_eq!(timeline["complete"], true);
    for item in items {
        assert!(item["eventId"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
        assert!(item["timestamp"].as_str().unwrap().ends_with('Z'));
    }
    assert_eq!(timeline["nextCursor"], Value::Null);
}

/// Published events are kept for 30 days, orders for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeline_whose_oldest_events_are_gone_says_so() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.place().await;
    eventually("the event to be published, and to be deleted", || async {
        let delete =
            sqlx::query("delete from published where event_type = 'order.placed' and subject = $1").bind(placed.id);
        let deleted = delete.execute(&fixture.service.database).await.unwrap();
        (deleted.rows_affected() == 1).then_some(())
    })
    .await;
    let path = format!("/api/orders/{}/timeline", placed.id);
    let answer = fixture.service.get(&path, &placed.identity).send().await.unwrap();
    let timeline: Value = answer.json().await.unwrap();
    assert_eq!(
        (&timeline["complete"], &timeline["items"]),
        (&false.into(), &serde_json::json!([]))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_not_yet_published_is_pending() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.place().await;
    // Held back, as after a refusal by the broker.
    let hold =
        "insert into outbox (event_id, exchange, routing_key, event_type, subject, body, correlation_id, retry_at)
        values ($1, 'platform-events', 'order.shipped', 'order.shipped', $2, '{}', 'c', now() + interval '1 hour')";
    let event_id = kernel::id::new();
    sqlx::query(hold)
        .bind(event_id)
        .bind(placed.id)
        .execute(&fixture.service.database)
        .await
        .unwrap();
    let path = format!("/api/orders/{}/timeline", placed.id);
    let page: Value = fixture
        .service
        .get(&path, &placed.identity)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let last = page["items"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (last["eventId"].as_str(), last["direction"].as_str()),
        (Some(event_id.to_string().as_str()), Some("pending"))
    );
}
