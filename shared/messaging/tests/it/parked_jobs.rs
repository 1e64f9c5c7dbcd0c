//! A job that cannot succeed is parked; operators list it, retry it and discard it.

use crate::fixture::{Call, count, enqueue, env, open, until_count};
use kernel::id;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use testkit::{TestService, eventually};

const PARKED: &str = "select count(*) from intents where parked_at is not null and done_at is null";

async fn parked(service: &TestService) -> Vec<Value> {
    let answer = service.operator(Method::GET, "/internal/jobs?state=parked&kind=call");
    let page: Value = answer.send().await.unwrap().json().await.unwrap();
    page["items"].as_array().unwrap().clone()
}

async fn one_parked(service: &TestService) -> Value {
    eventually("a parked job", || async { parked(service).await.first().cloned() }).await
}

async fn change(service: &TestService, path: &str, body: &Value) -> (StatusCode, Value) {
    let answer = service.operator(Method::POST, path).json(body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permanent_failure_parks_a_job_at_once_and_an_operator_retries_it() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let job = id::new();
    enqueue(&config.database(), job, &Call::of("hopeless")).await;
    let shown = one_parked(&service).await;
    assert_eq!(shown["id"], json!(job));
    assert_eq!(
        (&shown["attempts"], &shown["lastError"]),
        (&json!(1), &json!("no such number"))
    );
    let status = service.status().await;
    assert_eq!(
        (&status["intents"][0]["pending"], &status["intents"][0]["parked"]),
        (&json!(0), &json!(1)),
        "{status}"
    );

    let retry = format!("/internal/jobs/{job}/retry");
    let forbidden = service.request(Method::POST, &retry).send().await.unwrap();
    assert_eq!(forbidden.status(), StatusCode::UNAUTHORIZED);
    let forbidden = service.request(Method::GET, "/internal/jobs").send().await.unwrap();
    assert_eq!(forbidden.status(), StatusCode::UNAUTHORIZED);
    config.failing.store(false, Ordering::SeqCst);
    let retried = service.operator(Method::POST, &retry).send().await.unwrap();
    assert_eq!(retried.status(), StatusCode::ACCEPTED);
    // What may have been sent before is not forgotten.
    until_count(&service.database, "select count(*) from calls where attempt = 2", 1).await;
    assert!(parked(&service).await.is_empty());
    let done = service.operator(Method::POST, &retry).send().await.unwrap();
    assert_eq!(done.status(), StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_payload_cannot_be_read_is_parked_and_discarded() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let unreadable = "insert into intents (id, kind, subject, payload, correlation_id, causation_id)
                      values ($1, 'call', $1, '{\"no\": \"call\"}', 'test', 'test')";
    let job = id::new();
    sqlx::query(unreadable)
        .bind(job)
        .execute(&service.database)
        .await
        .unwrap();
    let shown = one_parked(&service).await;
    assert!(
        shown["lastError"].as_str().unwrap().contains("cannot be read"),
        "{shown}"
    );
    // Nothing can have been sent.
    assert_eq!(shown["attempts"], 0);

    let discard = format!("/internal/jobs/{job}/discard");
    let (status, _) = change(&service, &discard, &json!({ "reason": "" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = change(&service, &discard, &json!({ "reason": "a test" })).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let answer = service.operator(Method::GET, &format!("/internal/jobs/{job}"));
    let shown: Value = answer.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&shown["state"], &shown["resolution"]),
        (&json!("discarded"), &json!("a test"))
    );
    let (status, _) = change(&service, &discard, &json!({ "reason": "again" })).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, _) = change(&service, &format!("/internal/jobs/{}/retry", id::new()), &json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_still_fails_after_its_lifetime_is_parked_and_all_are_retried_by_one_call() {
    let env = env().await;
    let (service, config) = open(&env).await;
    for _ in 0..3 {
        enqueue(&config.database(), id::new(), &Call::of("failing")).await;
    }
    until_count(&service.database, "select count(*) from intents where failures > 0", 3).await;
    assert_eq!(count(&service.database, PARKED).await, 0);
    sqlx::query("update intents set tried_since = now() - interval '61 minutes'")
        .execute(&service.database)
        .await
        .unwrap();
    until_count(&service.database, PARKED, 3).await;

    config.failing.store(false, Ordering::SeqCst);
    let (status, answer) = change(&service, "/internal/jobs/retry", &json!({ "kind": "call" })).await;
    assert_eq!((status, &answer["retried"]), (StatusCode::ACCEPTED, &json!(3)));
    until_count(&service.database, "select count(*) from calls", 3).await;
    let (_, answer) = change(&service, "/internal/jobs/retry", &json!({ "kind": "call" })).await;
    assert_eq!(answer["retried"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postponed_job_can_be_made_due_and_one_under_way_cannot() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let (postponed, under_way) = (id::new(), id::new());
    let insert =
        "insert into intents (id, kind, subject, payload, correlation_id, causation_id, failures, due_at, lease)
                  values ($1, 'call', $1, '\"good\"', 'test', 'test', 3, now() + interval '2 hours', $2)";
    for (job, lease) in [(postponed, None), (under_way, Some(id::new()))] {
        let insert = sqlx::query(insert).bind(job).bind(lease);
        insert.execute(&service.database).await.unwrap();
    }
    for (job, expected) in [(under_way, StatusCode::CONFLICT), (postponed, StatusCode::ACCEPTED)] {
        let retry = format!("/internal/jobs/{job}/retry");
        assert_eq!(change(&service, &retry, &json!({})).await.0, expected);
    }
    until_count(&service.database, "select count(*) from calls", 1).await;
}
