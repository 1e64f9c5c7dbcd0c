//! The list of notifications.

use crate::fixture::{Fixture, User};
use kernel::id;
use reqwest::Method;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_newest_first_and_have_no_gaps() {
    let fixture = Fixture::new().await;
    let user = fixture.register_user().await;
    let mut orders = Vec::new();
    for _ in 0..5 {
        let order_id = id::new();
        let event = fixture.publish_order_event("order.confirmed", order_id, &user).await;
        fixture.wait_for_inbox(&event).await;
        orders.push(order_id.to_string());
    }
    orders.reverse();
    let mut seen: Vec<Value> = Vec::new();
    let mut sizes = Vec::new();
    let mut cursor = String::new();
    loop {
        let (status, page) = fixture.get(&user, &format!("/api/notifications?limit=2{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap();
        sizes.push(items.len());
        seen.extend(items.iter().map(|item| item["orderId"].clone()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
    assert_eq!(seen, orders);
    // A full page without a successor is the last one.
    let (_, page) = fixture.get(&user, "/api/notifications?limit=5").await;
    assert_eq!(page["nextCursor"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_queries_and_identities_are_refused() {
    let fixture = Fixture::new().await;
    let user = User::new();
    for query in ["limit=0", "limit=101", "limit=many", "cursor=here"] {
        let (status, problem) = fixture.get(&user, &format!("/api/notifications?{query}")).await;
        assert_eq!(status, 400, "{query}: {problem}");
        assert!(
            problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()),
            "{problem}"
        );
    }
    assert_eq!(fixture.post(&user, "/api/notifications/nonsense/read").await.0, 400);
    let anonymous = fixture
        .service
        .request(Method::GET, "/api/notifications")
        .send()
        .await
        .unwrap();
    assert_eq!(anonymous.status(), 401);
    let forged = fixture
        .service
        .get("/api/notifications", "forged")
        .header("x-user-id", user.id.to_string());
    assert_eq!(forged.send().await.unwrap().status(), 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_sees_and_reads_a_notification() {
    let fixture = Fixture::new().await;
    let (owner, other) = (fixture.register_user().await, fixture.register_user().await);
    let event = fixture.publish_order_event("order.confirmed", id::new(), &owner).await;
    fixture.wait_for_inbox(&event).await;
    let notification = fixture.notifications(&owner).await.remove(0);
    let path = format!("/api/notifications/{}/read", notification["id"].as_str().unwrap());

    assert!(fixture.notifications(&other).await.is_empty());
    assert_eq!(fixture.post(&other, &path).await.0, 404);
    assert_eq!(
        fixture
            .post(&owner, &format!("/api/notifications/{}/read", id::new()))
            .await
            .0,
        404
    );
    assert_eq!(fixture.notifications(&owner).await[0]["readAt"], Value::Null);

    let (status, read) = fixture.post(&owner, &path).await;
    assert_eq!((status, &read["id"]), (200, &notification["id"]));
    assert!(read["readAt"].is_string(), "{read}");
    let (status, again) = fixture.post(&owner, &path).await;
    assert_eq!((status, &again["readAt"]), (200, &read["readAt"]));
}
