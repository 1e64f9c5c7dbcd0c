//! Dead letters can be inspected, replayed, corrected and discarded.

use crate::fixture::{count, env, open, sold, until_count};
use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use testkit::{TestService, eventually};

async fn waiting(service: &TestService) -> Vec<Value> {
    let answer = service
        .operator(Method::GET, "/internal/dead-letters")
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
        .operator(Method::GET, &path)
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

async fn post(service: &TestService, path: &str, body: &Value) -> (StatusCode, Value) {
    let answer = service.operator(Method::POST, path).json(body).send().await.unwrap();
    let status = answer.status();
    (status, answer.json().await.unwrap_or_default())
}

/// What is shown can be copied, corrected and sent again. It may hold customers' data, so it takes the operator token.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_shown_as_it_was_sent() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let mut ticket = sold("hopeless");
    ticket.data["name"] = json!("Zoë \"Zo\" O\\Neil");
    let sent = serde_json::to_string_pretty(&ticket).unwrap();
    let events = env.events().await;
    events
        .publish_raw("platform-events", "ticket.sold", sent.as_bytes())
        .await;
    let letter = one_dead_letter(&service).await;
    assert_eq!(letter["body"].as_str(), Some(sent.as_str()));
    let path = format!("/internal/dead-letters/{}", letter["id"].as_str().unwrap());
    for read in ["/internal/dead-letters", &path] {
        let anonymous = service.request(Method::GET, read).send().await.unwrap();
        assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED, "{read}");
    }

    // By copy and paste, as an operator would.
    let corrected = sent.replace("hopeless", "good");
    let answer = service
        .operator(Method::POST, &format!("{path}/replay"))
        .header("content-type", "application/json")
        .body(format!("{{\"event\": {corrected}}}"));
    assert_eq!(answer.send().await.unwrap().status(), StatusCode::ACCEPTED);
    until_count(&service.database, "select count(*) from seats", 1).await;

    events
        .publish_raw("platform-events", "ticket.sold", b"\xff\x00 rubbish")
        .await;
    let letter = one_dead_letter(&service).await;
    assert_eq!(
        (&letter["body"], &letter["bodyBase64"]),
        (&Value::Null, &json!("/wAgcnViYmlzaA=="))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_dead_letters_are_resolved_by_one_request() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let events = env.events().await;
    for mood in ["fickle", "fickle", "fickle", "hopeless", "hopeless"] {
        events.publish(&sold(mood)).await;
    }
    let waiting = "select count(*) from dead_letters where status = 'waiting'";
    until_count(&service.database, waiting, 5).await;
    config.failing.store(false, Ordering::SeqCst);

    let replay = "/internal/dead-letters/replay";
    for nothing in [
        json!({ "eventType": "ticket.torn" }),
        json!({ "reasonContains": "no such reason" }),
        json!({ "before": "2020-01-01T00:00:00Z" }),
    ] {
        let none = (StatusCode::OK, json!({ "replayed": 0, "tooOld": 0 }));
        assert_eq!(post(&service, replay, &nothing).await, none, "{nothing}");
    }
    let fickle = |limit: i64| json!({ "eventType": "ticket.sold", "reasonContains": "not now", "limit": limit });
    assert_eq!(post(&service, replay, &fickle(2)).await.1["replayed"], 2);
    assert_eq!(post(&service, replay, &fickle(10)).await.1["replayed"], 1);
    assert_eq!(post(&service, replay, &fickle(10)).await.1["replayed"], 0);
    until_count(&service.database, "select count(*) from seats", 3).await;

    let discard = "/internal/dead-letters/discard";
    assert_eq!(post(&service, discard, &json!({})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(
        post(&service, discard, &json!({ "limit": 0, "reason": "x" })).await.0,
        StatusCode::BAD_REQUEST
    );
    let anonymous = service
        .request(Method::POST, replay)
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
    let discarded = post(&service, discard, &json!({ "reason": "a test" })).await;
    assert_eq!(discarded, (StatusCode::OK, json!({ "discarded": 2 })));
    until_count(&service.database, waiting, 0).await;
}

/// A letter that dies again while it is asked for is not replayed in a circle.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_many_takes_only_those_that_were_there() {
    let env = env().await;
    let (service, _) = open(&env).await;
    // More than one transaction takes.
    let sql = "insert into dead_letters (id, queue, event_type, body, reason, attempts)
        select gen_random_uuid(), 'seats-queue', 'ticket.sold', convert_to('no event', 'UTF8'), 'a test', 1
        from generate_series(1, 250)";
    sqlx::query(sql).execute(&service.database).await.unwrap();
    let (_, outcome) = post(&service, "/internal/dead-letters/replay", &json!({})).await;
    assert_eq!(outcome["replayed"], 250);
    let died_again = "select count(*) from dead_letters where status = 'waiting'";
    until_count(&service.database, died_again, 250).await;
}

/// The inbox row lives as long as the event is young, however late its message became a dead letter.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_event_is_not_replayed_even_if_it_became_a_dead_letter_today() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let mut ticket = sold("hopeless");
    ticket.metadata.timestamp -= TimeDelta::days(31);
    env.events().await.publish(&ticket).await;
    let letter = one_dead_letter(&service).await;
    let path = format!("/internal/dead-letters/{}/replay", letter["id"].as_str().unwrap());
    assert_eq!(post(&service, &path, &json!({})).await.0, StatusCode::CONFLICT);
    let all = post(&service, "/internal/dead-letters/replay", &json!({})).await;
    assert_eq!(all, (StatusCode::OK, json!({ "replayed": 0, "tooOld": 1 })));
    assert_eq!(waiting(&service).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "the test acts as another request")]
async fn a_dead_letter_that_is_being_looked_at_is_not_left_out_of_a_bulk() {
    let env = env().await;
    let (service, _) = open(&env).await;
    env.events().await.publish(&sold("hopeless")).await;
    one_dead_letter(&service).await;
    let mut other = service.database.begin().await.unwrap();
    sqlx::raw_sql("select from dead_letters for update")
        .execute(&mut *other)
        .await
        .unwrap();
    let discarding = async {
        let reason = json!({ "reason": "a test" });
        post(&service, "/internal/dead-letters/discard", &reason).await
    };
    let releasing = async {
        let blocked =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        until_count(&service.database, blocked, 1).await;
        other.rollback().await.unwrap();
    };
    let (discarded, ()) = tokio::join!(discarding, releasing);
    assert_eq!(discarded, (StatusCode::OK, json!({ "discarded": 1 })));
}
