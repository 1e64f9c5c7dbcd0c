use crate::support::{User, World};
use reqwest::Method;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_go_from_new_to_old_without_gaps() {
    let world = World::new().await;
    let user = world.registered().await;
    let mut orders = Vec::new();
    for _ in 0..5 {
        let order_id = shared::id::new();
        let event = world.order("order.confirmed", order_id, &user).await;
        world.taken(&event).await;
        orders.push(order_id.to_string());
    }
    orders.reverse();
    let mut seen: Vec<Value> = Vec::new();
    let mut sizes = Vec::new();
    let mut cursor = String::new();
    loop {
        let (status, page) = world.get(&user, &format!("/api/notifications?limit=2{cursor}")).await;
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
    // A page that is just full is the last one all the same.
    let (_, page) = world.get(&user, "/api/notifications?limit=5").await;
    assert_eq!(page["nextCursor"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_questions_are_refused() {
    let world = World::new().await;
    let user = User::new();
    for query in ["limit=0", "limit=101", "limit=many", "cursor=here"] {
        let (status, problem) = world.get(&user, &format!("/api/notifications?{query}")).await;
        assert_eq!(status, 400, "{query}: {problem}");
        assert!(
            problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()),
            "{problem}"
        );
    }
    assert_eq!(world.post(&user, "/api/notifications/nonsense/read").await.0, 400);
    let stranger = world
        .service
        .request(Method::GET, "/api/notifications")
        .send()
        .await
        .unwrap();
    assert_eq!(stranger.status(), 401);
    let forged = world
        .service
        .get("/api/notifications", "forged")
        .header("x-user-id", user.id.to_string());
    assert_eq!(forged.send().await.unwrap().status(), 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_sees_and_reads_a_notification() {
    let world = World::new().await;
    let (owner, other) = (world.registered().await, world.registered().await);
    let event = world.order("order.confirmed", shared::id::new(), &owner).await;
    world.taken(&event).await;
    let notification = world.notifications(&owner).await.remove(0);
    let path = format!("/api/notifications/{}/read", notification["id"].as_str().unwrap());

    assert!(world.notifications(&other).await.is_empty());
    assert_eq!(world.post(&other, &path).await.0, 404);
    assert_eq!(
        world
            .post(&owner, &format!("/api/notifications/{}/read", shared::id::new()))
            .await
            .0,
        404
    );
    assert_eq!(world.notifications(&owner).await[0]["readAt"], Value::Null);

    let (status, read) = world.post(&owner, &path).await;
    assert_eq!((status, &read["id"]), (200, &notification["id"]));
    assert!(read["readAt"].is_string(), "{read}");
    let (status, again) = world.post(&owner, &path).await;
    assert_eq!((status, &again["readAt"]), (200, &read["readAt"]));
}
