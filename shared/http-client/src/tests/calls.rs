//! Retries, deadlines, the bulkhead and the breaker, together.

use super::*;
use axum::response::IntoResponse;
use http::{HeaderName, StatusCode, header::RETRY_AFTER};
use kernel::context::Context;
use tokio::sync::Semaphore;

async fn answering(status: StatusCode) -> Upstream {
    Upstream::start(move |_, _| async move { status.into_response() }).await
}

/// Answers 500 to the first `failures` requests, and holds the others back until it is given permits.
async fn gated(failures: usize) -> (Upstream, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let answer = move |number, _| {
        let gate = Arc::clone(&held);
        async move {
            if number < failures {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            gate.acquire().await.unwrap().forget();
            "ok".into_response()
        }
    };
    (Upstream::start(answer).await, gate)
}

#[tokio::test]
async fn a_get_is_attempted_four_times_and_its_last_answer_is_returned() {
    let upstream = answering(StatusCode::SERVICE_UNAVAILABLE).await;
    let client = upstream.client(|_| ());
    let answer = client.get("/things").send().await.unwrap();
    assert_eq!((answer.status, upstream.hits()), (StatusCode::SERVICE_UNAVAILABLE, 4));
    assert_eq!(client.status().retries.made, 3);
}

#[tokio::test]
async fn a_post_is_attempted_once_unless_it_has_a_key() {
    let upstream = answering(StatusCode::SERVICE_UNAVAILABLE).await;
    let client = upstream.client(|_| ());
    client.post("/things").json(&"a thing").send().await.unwrap();
    assert_eq!(upstream.hits(), 1);
    client
        .post("/things")
        .json(&"a thing")
        .idempotency_key("k-1")
        .send()
        .await
        .unwrap();
    assert_eq!(upstream.hits(), 5);
}

#[tokio::test]
async fn every_attempt_carries_key_body_and_context() {
    let upstream = Upstream::start(|number, request| async move {
        let copied: Vec<_> = ["idempotency-key", "x-correlation-id", "traceparent", "content-type"]
            .into_iter()
            .map(|name| request.headers()[name].to_str().unwrap().to_owned())
            .collect();
        let body = axum::body::to_bytes(request.into_body(), 1000).await.unwrap();
        let status = if number < 2 {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::CREATED
        };
        (
            status,
            format!("{} {}", copied.join(" "), String::from_utf8_lossy(&body)),
        )
            .into_response()
    })
    .await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let context = Context::caused_by("story-1", "cause-1", Some(trace.to_owned()));
    let client = upstream.client(|_| ());
    let request = client
        .post("/things")
        .context(&context)
        .idempotency_key("k-1")
        .json(&[1, 2]);
    let answer = request.send().await.unwrap();
    assert_eq!((answer.status, upstream.hits()), (StatusCode::CREATED, 3));
    assert_eq!(answer.body, format!("k-1 story-1 {trace} application/json [1,2]"));
}

#[tokio::test]
async fn permanent_errors_are_not_retried() {
    for status in [
        StatusCode::NOT_FOUND,
        StatusCode::CONFLICT,
        StatusCode::NOT_IMPLEMENTED,
        StatusCode::FOUND,
    ] {
        let upstream = answering(status).await;
        let answer = upstream.client(|_| ()).get("/things").send().await.unwrap();
        assert_eq!((answer.status, upstream.hits()), (status, 1));
    }
}

#[tokio::test]
async fn a_4xx_never_opens_the_circuit() {
    let upstream = answering(StatusCode::NOT_FOUND).await;
    let client = upstream.client(|_| ());
    for _ in 0..50 {
        client.get("/things").send().await.unwrap();
    }
    let status = client.status();
    assert_eq!((status.state, status.counters.ignored), (BreakerState::Closed, 50));
}

/// Trips the circuit with five answers of 500, and lets its cooldown of 20 ms pass.
async fn half_open(status: StatusCode) -> (Upstream, ResilientHttpClient) {
    let upstream = Upstream::start(move |number, _| async move {
        let answered = if number < 5 {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            status
        };
        answered.into_response()
    })
    .await;
    let client = upstream.client(|config| {
        config.retry.retries_max = 0;
        config.breaker.open_for = Duration::from_millis(20);
    });
    for _ in 0..5 {
        client.get("/things").send().await.unwrap();
    }
    assert_eq!(client.status().state, BreakerState::Open);
    tokio::time::sleep(Duration::from_millis(30)).await;
    (upstream, client)
}

#[tokio::test]
async fn any_answer_that_shows_the_upstream_alive_closes_the_circuit() {
    for status in [
        StatusCode::NOT_MODIFIED,
        StatusCode::UNAUTHORIZED,
        StatusCode::PAYMENT_REQUIRED,
        StatusCode::NOT_FOUND,
        StatusCode::CONFLICT,
    ] {
        let (upstream, client) = half_open(status).await;
        assert_eq!(client.get("/things").send().await.unwrap().status, status);
        assert_eq!(client.status().state, BreakerState::Closed, "{status}");
        assert_eq!(upstream.hits(), 6);
    }
    for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY] {
        let (_upstream, client) = half_open(status).await;
        assert_eq!(client.get("/things").send().await.unwrap().status, status);
        assert_eq!(client.status().state, BreakerState::Open, "{status}");
    }
}

#[tokio::test]
async fn failures_between_refusals_are_no_row() {
    let upstream = Upstream::start(|number, _| async move {
        let status = if number.is_multiple_of(2) {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::NOT_MODIFIED
        };
        status.into_response()
    })
    .await;
    let client = upstream.client(|config| config.retry.retries_max = 0);
    for _ in 0..12 {
        client.get("/things").send().await.unwrap();
    }
    let status = client.status();
    assert_eq!((status.state, status.counters.failure), (BreakerState::Closed, 6));
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let upstream = Upstream::start(|number, _| async move {
        if number == 0 {
            (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]).into_response()
        } else {
            "ok".into_response()
        }
    })
    .await;
    let started = Instant::now();
    let answer = upstream.client(|_| ()).get("/things").send().await.unwrap();
    assert_eq!((answer.status, upstream.hits()), (StatusCode::OK, 2));
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_backoff_beyond_the_deadline_is_not_waited_for() {
    let upstream =
        Upstream::start(|_, _| async { (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "60")]).into_response() }).await;
    let started = Instant::now();
    let answer = upstream.client(|_| ()).get("/things").send().await.unwrap();
    assert_eq!((answer.status, upstream.hits()), (StatusCode::TOO_MANY_REQUESTS, 1));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn retries_end_with_their_budget() {
    let upstream = answering(StatusCode::SERVICE_UNAVAILABLE).await;
    let client = upstream.client(|config| {
        config.retry.budget_per_second = 0;
        config.retry.budget_share = 0.0;
    });
    client.get("/things").send().await.unwrap();
    assert_eq!(upstream.hits(), 1);
    assert_eq!(client.status().retries.budget_exhausted, 1);
}

#[tokio::test]
async fn an_open_circuit_refuses_at_once_with_retry_after() {
    let upstream = answering(StatusCode::INTERNAL_SERVER_ERROR).await;
    let client = upstream.client(|_| ());
    client.get("/things").send().await.unwrap();
    let last = client.get("/things").send().await.unwrap();
    assert_eq!(
        last.status,
        StatusCode::INTERNAL_SERVER_ERROR,
        "what the upstream said, not that the retry was refused"
    );
    assert_eq!(upstream.hits(), 5);

    let error = client.get("/things").send().await.unwrap_err();
    assert!(
        matches!(error, CallError::Open { .. }) && !error.outcome_unknown(),
        "{error}"
    );
    assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!((1..=33).contains(&error.retry_after_s().unwrap()), "{error:?}");
    assert_eq!(upstream.hits(), 5);
    let status = client.status();
    assert_eq!((status.state, status.not_permitted), (BreakerState::Open, 2));
    let json = serde_json::to_value(&status).unwrap();
    for field in [
        "consecutiveFailures",
        "notPermitted",
        "lastError",
        "openedAt",
        "nextProbeAt",
        "transitions",
    ] {
        assert!(!json[field].is_null(), "{field} in {json}");
    }
    client.close();
    client.post("/things").send().await.unwrap();
    assert_eq!(upstream.hits(), 6);
}

#[tokio::test]
async fn of_a_thousand_calls_at_the_end_of_the_cooldown_one_reaches_the_upstream() {
    let (upstream, gate) = gated(5).await;
    let client = upstream.client(|config| {
        config.concurrency_max = 1000;
        config.breaker.open_for = Duration::ZERO;
    });
    for _ in 0..5 {
        client.post("/things").send().await.unwrap();
    }
    assert_eq!(client.status().state, BreakerState::Open);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let client = client.clone();
        calls.spawn(async move { client.post("/things").send().await });
    }
    for _ in 0..999 {
        let refused = calls.join_next().await.unwrap().unwrap();
        assert!(matches!(refused, Err(CallError::Open { .. })), "{refused:?}");
    }
    gate.add_permits(1);
    assert_eq!(
        calls.join_next().await.unwrap().unwrap().unwrap().status,
        StatusCode::OK
    );
    assert_eq!((upstream.hits(), client.status().state), (6, BreakerState::Closed));
}

#[tokio::test]
async fn the_bulkhead_refuses_calls_that_would_wait_too_long_and_the_breaker_does_not_count_them() {
    let (upstream, gate) = gated(0).await;
    let client = upstream.client(|config| {
        config.concurrency_max = 2;
        config.concurrency_wait = Duration::from_millis(20);
    });
    let inside: Vec<_> = (0..2)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.get("/things").send().await })
        })
        .collect();
    while upstream.hits() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.status().bulkhead.in_use, 2);
    let error = client.get("/things").send().await.unwrap_err();
    assert!(
        matches!(error, CallError::Bulkhead { .. }) && !error.outcome_unknown(),
        "{error}"
    );
    assert_eq!(error.retry_after_s(), Some(1));

    gate.add_permits(2);
    for call in inside {
        assert_eq!(call.await.unwrap().unwrap().status, StatusCode::OK);
    }
    let status = client.status();
    assert_eq!(
        (
            status.bulkhead.in_use,
            status.bulkhead.waiting,
            status.bulkhead.rejected
        ),
        (0, 0, 1)
    );
    assert_eq!(
        (status.state, status.counters.failure, status.counters.rejected),
        (BreakerState::Closed, 0, 1)
    );
}

#[tokio::test]
async fn a_request_that_cannot_be_built_is_refused_before_it_is_sent() {
    let upstream = answering(StatusCode::OK).await;
    let client = upstream.client(|_| ());
    let header = client.get("/").header("a header", "1").send().await.unwrap_err();
    assert!(matches!(header, CallError::Header(_)), "{header}");
    let unwritable = std::collections::HashMap::from([((1, 2), 3)]);
    let body = client.post("/").json(&unwritable).send().await.unwrap_err();
    assert!(matches!(body, CallError::Encode(_)), "{body}");
    assert_eq!(upstream.hits(), 0);
}

#[tokio::test]
async fn query_parameters_arrive_unchanged() {
    let upstream = Upstream::start(|_, request| async move {
        let name = HeaderName::from_static("x-asked");
        ([(name, request.uri().to_string())], "").into_response()
    })
    .await;
    let client = upstream.client(|_| ());
    let answer = client
        .get("/things")
        .query(&[("ids", "a,b"), ("q", "x&y=z #1")])
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers["x-asked"], "/things?ids=a%2Cb&q=x%26y%3Dz+%231");
}
