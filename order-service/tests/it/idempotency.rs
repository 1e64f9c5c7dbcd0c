//! The `Idempotency-Key`: one order for one key, however often and however concurrently it is sent.

use crate::fixture::{Fixture, problem};
use bytes::Bytes;
use order_service::{MIGRATOR, assemble};
use serde_json::json;
use testkit::{arm, eventually};

async fn orders(fixture: &Fixture) -> i64 {
    sqlx::query_scalar("select count(*) from orders")
        .fetch_one(&fixture.service.database)
        .await
        .unwrap()
}

async fn parts(answer: reqwest::Response) -> (u16, [Option<http::HeaderValue>; 3], Bytes) {
    let headers = ["location", "etag", "content-type"].map(|name| answer.headers().get(name).cloned());
    (answer.status().as_u16(), headers, answer.bytes().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_gets_the_same_answer() {
    let mut fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    let first = parts(fixture.post_order(&identity, "k", &fixture.request()).await).await;
    assert_eq!(first.0, 201);
    // The order moves on meanwhile; the answer does not.
    let id = serde_json::from_slice::<serde_json::Value>(&first.2).unwrap()["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    fixture.probe.wait_for("order.placed", id).await;
    fixture.publish("payment.completed", id).await;
    fixture.probe.wait_for("order.payment_received", id).await;
    let spelled_otherwise = format!(
        "{{ \"paymentMethod\": \"pm_ok\",\n \"items\": [{{\"quantity\": 2, \"productId\": \"{}\"}}] }}",
        fixture.product
    );
    let second = parts(fixture.post_order(&identity, "k", &fixture.request()).await).await;
    let request = fixture
        .service
        .post("/api/orders", &identity)
        .header("Idempotency-Key", "k");
    let third = request
        .header("content-type", "application/json")
        .body(spelled_otherwise)
        .send()
        .await
        .unwrap();
    assert_eq!(first, second);
    assert_eq!(first, parts(third).await);
    assert_eq!(orders(&fixture).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_request_with_the_same_key_is_refused() {
    let fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    assert_eq!(
        fixture.post_order(&identity, "k", &fixture.request()).await.status(),
        201
    );
    let mut other = fixture.request();
    other["items"][0]["quantity"] = json!(3);
    let refused = problem(fixture.post_order(&identity, "k", &other).await, 422).await;
    assert_eq!(refused["code"], "idempotency-key-reused");
    assert_eq!(orders(&fixture).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_different_users_are_different_keys() {
    let fixture = Fixture::new().await;
    let (_, one) = fixture.customer();
    let (_, two) = fixture.customer();
    let first = parts(fixture.post_order(&one, "k", &fixture.request()).await).await;
    let second = parts(fixture.post_order(&two, "k", &fixture.request()).await).await;
    assert_eq!((first.0, second.0), (201, 201));
    assert_ne!(first.2, second.2);
}

/// 503 says "try again"; twenty at once on a cold pool of connections may get it on a busy machine.
async fn post_until_taken(fixture: &Fixture, identity: &str, body: &serde_json::Value) -> reqwest::Response {
    eventually("an answer other than 503", || async {
        let answer = fixture.post_order(identity, "k", body).await;
        (answer.status() != 503).then_some(answer)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_concurrent_requests_make_one_order() {
    let fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    let body = fixture.request();
    let requests = (0..20).map(|_| post_until_taken(&fixture, &identity, &body));
    let mut bodies = Vec::new();
    for answer in futures_util::future::join_all(requests).await {
        match answer.status().as_u16() {
            201 => bodies.push(answer.bytes().await.unwrap()),
            409 => assert_eq!(problem(answer, 409).await["code"], "idempotency-key-in-flight"),
            other => panic!("{other}: {}", answer.text().await.unwrap()),
        }
    }
    let last = fixture.post_order(&identity, "k", &body).await;
    assert_eq!(last.status(), 201);
    let last = last.bytes().await.unwrap();
    assert!(!bodies.is_empty() && bodies.iter().all(|body| *body == last));
    assert_eq!(orders(&fixture).await, 1);
}

/// The claim that a process leaves behind when it is killed during a request.
async fn leave_in_progress(fixture: &Fixture, key: &str, leased_until: &str) {
    let sql = "update idempotency_keys set answer_status = null, answer_location = null, answer_etag = null,
        answer_body = null, leased_until = now() + $2::text::interval where key = $1";
    let changed = sqlx::query(sql)
        .bind(key)
        .bind(leased_until)
        .execute(&fixture.service.database)
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 1);
    sqlx::query("delete from orders")
        .execute(&fixture.service.database)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_a_crashed_request_can_be_claimed_after_its_lease() {
    let fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    assert_eq!(
        fixture.post_order(&identity, "k", &fixture.request()).await.status(),
        201
    );

    leave_in_progress(&fixture, "k", "20 seconds").await;
    let in_flight = fixture.post_order(&identity, "k", &fixture.request()).await;
    assert_eq!(in_flight.headers()["retry-after"], "1");
    problem(in_flight, 409).await;
    assert_eq!(orders(&fixture).await, 0);

    leave_in_progress(&fixture, "k", "-1 seconds").await;
    let mut other = fixture.request();
    other["items"][0]["quantity"] = json!(3);
    problem(fixture.post_order(&identity, "k", &other).await, 422).await;
    assert_eq!(
        fixture.post_order(&identity, "k", &fixture.request()).await.status(),
        201
    );
    assert_eq!(orders(&fixture).await, 1);
}

/// The answer to a repetition after a COMMIT whose answer never came, and how many orders there are then.
async fn repeated_after(failpoint: &str, instance: &'static str) -> (u16, i64) {
    let fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    let service = fixture
        .env
        .start(instance, &MIGRATOR, fixture.config.clone(), assemble)
        .await;
    let body = fixture.request();
    let post = || {
        let request = service
            .post("/api/orders", &identity)
            .header("Idempotency-Key", "k")
            .json(&body);
        async { request.send().await.unwrap() }
    };
    let armed = arm(failpoint, instance);
    problem(post().await, 503).await;
    assert!(!armed.exists(), "no commit went wrong");
    (post().await.status().as_u16(), orders(&fixture).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_of_unknown_outcome_makes_one_order() {
    assert_eq!(
        repeated_after("commit-unheard", "order-service-unheard").await,
        (201, 1)
    );
    assert_eq!(repeated_after("commit-lost", "order-service-lost").await, (201, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_does_not_use_up_its_key() {
    let fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    let mut unknown = fixture.request();
    unknown["items"][0]["productId"] = json!(kernel::id::new());
    problem(fixture.post_order(&identity, "k", &unknown).await, 422).await;
    assert_eq!(
        fixture.post_order(&identity, "k", &fixture.request()).await.status(),
        201
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_key_can_be_reused_and_is_deleted() {
    let fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    assert_eq!(
        fixture.post_order(&identity, "k", &fixture.request()).await.status(),
        201
    );
    assert_eq!(
        fixture.post_order(&identity, "kept", &fixture.request()).await.status(),
        201
    );
    let expire = "update idempotency_keys set expires_at = now() - interval '1 second' where key = 'k'";
    sqlx::query(expire).execute(&fixture.service.database).await.unwrap();
    let mut other = fixture.request();
    other["items"][0]["quantity"] = json!(3);
    assert_eq!(fixture.post_order(&identity, "k", &other).await.status(), 201);
    assert_eq!(orders(&fixture).await, 3);

    sqlx::query(expire).execute(&fixture.service.database).await.unwrap();
    let pool = &fixture.service.database;
    assert_eq!(order_service::store::keys::delete_expired(pool, 1000).await.unwrap(), 1);
    let left: Vec<String> = sqlx::query_scalar("select key from idempotency_keys")
        .fetch_all(pool)
        .await
        .unwrap();
    assert_eq!(left, ["kept"]);
}
