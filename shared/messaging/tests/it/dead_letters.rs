//! Dead letters can be inspected, replayed, corrected and discarded.

use crate::fixture::{count, env, open, sold, until_count};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use testkit::{TestService, eventually};

async fn waiting(service: &TestService) -> Vec<Value> {
    let answer = service
        .request(Method::GET, "/internal/dead-letters")
        .send()
        .await
        .unwrap();
    let page: Value = answer.json().await.unwrap();
    page["items"].as_array().unwrap().clone()
}

async fn one_dead_letter(service: &TestService) -> Value {
    eventually("a dead letter", || async { waiting(service).await.first().cloned() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_names_its_reason_and_is_replayed_once() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let events = env.events().await;
    let ticket = sold("fickle");
    events.publish(&ticket).await;
    let letter = one_dead_letter(&service).await;
    assert_eq!(letter["eventId"], json!(ticket.metadata.event_id));
    assert_eq!(letter["attempts"], 3);
    assert!(letter["reason"].as_str().unwrap().contains("not now"), "{letter}");

    config.failing.store(false, Ordering::SeqCst);
    let replay = format!("/internal/dead-letters/{}/replay", letter["id"].as_str().unwrap());
    let forbidden = service
        .request(Method::POST, &replay)
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(forbidden.status(), StatusCode::UNAUTHORIZED);
    let accepted = service
        .operator(Method::POST, &replay)
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    until_count(&service.database, "select count(*) from seats", 1).await;
    let again = service
        .operator(Method::POST, &replay)
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::CONFLICT);
    assert!(waiting(&service).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_can_be_corrected_or_discarded() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let events = env.events().await;
    let ticket = sold("hopeless");
    events.publish(&ticket).await;
    let letter = one_dead_letter(&service).await;
    let path = format!("/internal/dead-letters/{}", letter["id"].as_str().unwrap());

    let other = service
        .operator(Method::POST, &format!("{path}/replay"))
        .json(&json!({ "event": sold("good") }));
    assert_eq!(other.send().await.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
    let mut corrected = ticket.clone();
    corrected.data = json!({ "mood": "good" });
    let accepted = service
        .operator(Method::POST, &format!("{path}/replay"))
        .json(&json!({ "event": corrected }));
    assert_eq!(accepted.send().await.unwrap().status(), StatusCode::ACCEPTED);
    until_count(&service.database, "select count(*) from seats", 1).await;

    events.publish(&sold("hopeless")).await;
    let letter = one_dead_letter(&service).await;
    let path = format!("/internal/dead-letters/{}", letter["id"].as_str().unwrap());
    let discard = service
        .operator(Method::POST, &format!("{path}/discard"))
        .json(&json!({ "reason": "a test" }));
    assert_eq!(discard.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let kept: Value = service
        .request(Method::GET, &path)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&kept["status"], &kept["resolution"]),
        (&json!("discarded"), &json!("a test"))
    );
    assert_eq!(count(&service.database, "select count(*) from seats").await, 1);
}
