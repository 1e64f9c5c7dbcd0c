//! The sandbox provider alone: idempotency, refusals, and restarts.

use crate::provider_process::ProviderProcess;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use std::io::Write;

fn charge(amount_minor: i64) -> Value {
    json!({ "amountMinor": amount_minor, "currency": "USD", "paymentMethod": "pm_ok", "reference": "r" })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the resilient client would hide what the provider does"
)]
fn client() -> Client {
    Client::new()
}

async fn post(provider: &ProviderProcess, path: &str, key: &str, body: &Value) -> Response {
    let request = client()
        .post(format!("{}{path}", provider.url()))
        .header("Idempotency-Key", key)
        .json(body);
    request.send().await.unwrap()
}

async fn get(provider: &ProviderProcess, path: &str) -> Response {
    client().get(format!("{}{path}", provider.url())).send().await.unwrap()
}

#[tokio::test]
async fn a_key_has_the_same_answer_after_a_kill_and_a_torn_line() {
    let mut provider = ProviderProcess::start();
    let first = post(&provider, "/charges", "c", &charge(500)).await;
    assert_eq!(first.status(), 200);
    let first: Value = first.json().await.unwrap();
    let declined = json!({ "amountMinor": 5, "currency": "USD", "paymentMethod": "pm_declined", "reference": "r" });
    assert_eq!(post(&provider, "/charges", "d", &declined).await.status(), 402);
    let refund = json!({ "chargeKey": "c", "amountMinor": 200 });
    assert_eq!(post(&provider, "/refunds", "f", &refund).await.status(), 200);

    provider.kill();
    let mut log = std::fs::OpenOptions::new()
        .append(true)
        .open(provider.log_path())
        .unwrap();
    log.write_all(b"{\"kind\":\"capture\",\"key\":\"to").unwrap();
    provider.restart();

    let again: Value = post(&provider, "/charges", "c", &charge(500))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(again, first);
    let found: Value = get(&provider, "/charges/d").await.json().await.unwrap();
    assert_eq!(
        (&found["status"], &found["reason"]),
        (&json!("declined"), &json!("card_declined"))
    );
    assert_eq!(post(&provider, "/charges", "d", &declined).await.status(), 402);
    let found: Value = get(&provider, "/refunds/f").await.json().await.unwrap();
    assert_eq!(
        (&found["status"], &found["amountMinor"]),
        (&json!("refunded"), &json!(200))
    );
    let log = get(&provider, "/log").await.text().await.unwrap();
    assert_eq!(log.lines().count(), 3, "{log}");
}

#[tokio::test]
async fn a_voided_key_declines_a_later_charge_and_a_captured_charge_is_not_voided() {
    let mut provider = ProviderProcess::start();
    for _ in 0..2 {
        let voided = post(&provider, "/charges/late/void", "any", &json!({})).await;
        assert_eq!(voided.status(), 200);
        assert_eq!(voided.json::<Value>().await.unwrap(), json!({ "status": "voided" }));
        provider.restart();
    }
    let late = post(&provider, "/charges", "late", &charge(500)).await;
    assert_eq!(late.status(), 402);
    assert_eq!(late.json::<Value>().await.unwrap()["status"], "voided");
    let found: Value = get(&provider, "/charges/late").await.json().await.unwrap();
    assert_eq!(found["status"], "voided");

    post(&provider, "/charges", "c", &charge(500)).await;
    let captured = post(&provider, "/charges/c/void", "any", &json!({})).await;
    assert_eq!(captured.status(), 409);
    assert_eq!(captured.json::<Value>().await.unwrap()["status"], "captured");
    let declined = json!({ "amountMinor": 5, "currency": "USD", "paymentMethod": "pm_declined", "reference": "r" });
    post(&provider, "/charges", "d", &declined).await;
    let voided: Value = post(&provider, "/charges/d/void", "any", &json!({}))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&voided["status"], &voided["reason"]),
        (&json!("declined"), &json!("card_declined"))
    );
    let log = get(&provider, "/log").await.text().await.unwrap();
    assert_eq!(log.lines().count(), 3, "{log}");
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let provider = ProviderProcess::start();
    post(&provider, "/charges", "c", &charge(500)).await;
    let refund = |amount_minor: i64| json!({ "chargeKey": "c", "amountMinor": amount_minor });
    assert_eq!(post(&provider, "/charges", "c", &charge(501)).await.status(), 422);
    assert_eq!(post(&provider, "/charges", "n", &charge(0)).await.status(), 400);
    assert_eq!(post(&provider, "/charges", "n", &json!({})).await.status(), 400);
    assert_eq!(post(&provider, "/refunds", "f", &refund(501)).await.status(), 422);
    assert_eq!(post(&provider, "/refunds", "f", &refund(500)).await.status(), 200);
    assert_eq!(post(&provider, "/refunds", "g", &refund(1)).await.status(), 422);
    assert_eq!(get(&provider, "/charges/unknown").await.status(), 404);
    assert_eq!(get(&provider, "/refunds/unknown").await.status(), 404);
    let keyless = client()
        .post(format!("{}/charges", provider.url()))
        .json(&charge(1))
        .send()
        .await
        .unwrap();
    assert_eq!(keyless.status(), 400);
    assert_eq!(get(&provider, "/livez").await.status(), 200);
}

#[tokio::test]
async fn a_connection_is_cut_after_the_capture() {
    let provider = ProviderProcess::start();
    let body = json!({ "amountMinor": 5, "currency": "USD", "paymentMethod": "pm_cut", "reference": "r" });
    let url = format!("{}/charges", provider.url());
    let error = client()
        .post(url)
        .header("Idempotency-Key", "c")
        .json(&body)
        .send()
        .await
        .unwrap_err();
    assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
    let found: Value = get(&provider, "/charges/c").await.json().await.unwrap();
    assert_eq!(found["status"], "captured");
}
