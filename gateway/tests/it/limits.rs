//! Limits of one client.

use crate::fixture::{Answer, Options, TestGateway, eventually, limits, own_address, problem, raw, raw_from};
use futures_util::future::join_all;
use gateway::config::Limits;
use std::{
    ops::RangeInclusive,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One token a second, so that a slow machine does not refill the bucket during a burst.
fn slow() -> Limits {
    Limits {
        rate_per_s: 1,
        rate_burst: 20,
        // Not what is tested.
        requests_per_client_max: 1_000,
        ..limits()
    }
}

fn with(limits: Limits) -> Options {
    Options {
        limits,
        ..Options::default()
    }
}

fn header_s(answer: &reqwest::Response, name: &str) -> u64 {
    answer.headers()[name].to_str().unwrap().parse().unwrap()
}

/// Range of how many requests of a burst may pass: the bucket's capacity, and the tokens that came back during the burst.
fn allowed(started: Instant) -> RangeInclusive<usize> {
    20..=20 + usize::try_from(started.elapsed().as_secs()).unwrap() + 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_over_the_limit_is_429_until_retry_after() {
    let gateway = TestGateway::with(with(slow())).await;
    let user = gateway.user("customer").await;
    let started = Instant::now();
    let burst = join_all((0..60).map(|_| gateway.get("/api/orders", &user.token))).await;
    let (passed, refused): (Vec<_>, Vec<_>) = burst.into_iter().partition(|answer| answer.status() == 200);
    assert!(
        allowed(started).contains(&passed.len()),
        "{} in {:?}",
        passed.len(),
        started.elapsed()
    );
    assert!(
        passed
            .iter()
            .all(|answer| answer.headers()["ratelimit-policy"] == "\"user\";q=20;w=20")
    );
    assert_eq!(gateway.stub.seen().len(), passed.len());

    let refused = refused.into_iter().next().unwrap();
    assert!(
        refused.headers()["ratelimit"]
            .to_str()
            .unwrap()
            .starts_with("\"user\";r=0;t=")
    );
    let retry_after_s = header_s(&refused, "retry-after");
    assert!(retry_after_s >= 1);
    assert_eq!(problem(refused, 429).await["code"], "rate-limited");
    // The wait that the answer names is what is tested here, so it is waited for in full.
    tokio::time::sleep(Duration::from_secs(retry_after_s)).await;
    assert_eq!(gateway.get("/api/orders", &user.token).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_user_has_a_bucket_and_two_gateways_share_it() {
    let (one, two) = (
        TestGateway::with(with(slow())).await,
        TestGateway::with(with(slow())).await,
    );
    let (user, other) = (one.user("customer").await, one.user("customer").await);
    let started = Instant::now();
    let asked = (0..60).map(|turn| if turn % 2 == 0 { &one } else { &two }.get("/api/orders", &user.token));
    let passed = join_all(asked)
        .await
        .iter()
        .filter(|answer| answer.status() == 200)
        .count();
    assert!(
        allowed(started).contains(&passed),
        "{passed} in {:?}",
        started.elapsed()
    );
    assert_eq!(two.get("/api/orders", &other.token).await.status(), 200);
}

#[tokio::test]
async fn an_ended_session_takes_nothing_of_its_users_bucket() {
    let gateway = TestGateway::with(with(slow())).await;
    let user = gateway.user("customer").await;
    gateway.end_session(&user.session_id).await;
    // They take from the bucket of the address.
    for _ in 0..10 {
        problem(gateway.get("/api/orders", &user.token).await, 401).await;
    }
    gateway.put_session(&user.session_id, user.id, &user.role).await;
    let answer = gateway.get("/api/orders", &user.token).await;
    assert_eq!(answer.headers()["ratelimit"], "\"user\";r=19;t=1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_refusal_is_free() {
    let gateway = TestGateway::with(with(slow())).await;
    let user = gateway.user("customer").await;
    gateway.end_session(&user.session_id).await;
    let ended = format!(
        "GET /api/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        user.token
    );
    let refused = [
        (
            401,
            "GET /api/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer bad\r\nConnection: close\r\n\r\n",
        ),
        (401, ended.as_str()),
        (404, "GET /api/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        (
            405,
            "DELETE /api/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        ),
        (400, "GET /api//orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        (
            400,
            "GET /api/orders HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
        ),
    ];
    for (status, request) in refused {
        let address = own_address();
        let started = Instant::now();
        let burst: Vec<Answer> = join_all((0..60).map(|_| raw_from(&address, gateway.address, request))).await;
        let count = |wanted| burst.iter().filter(|answer| answer.status == wanted).count();
        assert!(
            allowed(started).contains(&count(status)),
            "{} × {status} for {request}",
            count(status)
        );
        assert_eq!(count(status) + count(429), 60, "{request}");
    }
}

#[tokio::test]
async fn a_client_has_no_more_requests_under_way_than_its_share() {
    let limits = Limits {
        requests_per_client_max: 2,
        ..Options::default().limits
    };
    let gateway = TestGateway::with(with(limits)).await;
    let (user, other) = (gateway.user("customer").await, gateway.user("customer").await);
    let (slow, url) = (gateway.client.clone(), gateway.url("/api/products/slow"));
    let waiting: Vec<_> = (0..2)
        .map(|_| tokio::spawn(slow.get(&url).bearer_auth(&user.token).send()))
        .collect();
    eventually("both to arrive", || async {
        (gateway.stub.seen().len() == 2).then_some(())
    })
    .await;
    let refused = gateway.get("/api/orders", &user.token).await;
    assert_eq!(header_s(&refused, "retry-after"), 1);
    assert_eq!(problem(refused, 429).await["code"], "too-many-at-once");
    assert_eq!(gateway.get("/api/orders", &other.token).await.status(), 200);
    gateway.stub.release();
    gateway.stub.release();
    for answer in waiting {
        assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(gateway.get("/api/orders", &user.token).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_without_a_token_share_the_bucket_of_their_address() {
    let gateway = TestGateway::with(with(slow())).await;
    let (mine, neighbour) = (own_address(), own_address());
    let request = "GET /api/products HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let started = Instant::now();
    let burst: Vec<Answer> = join_all((0..60).map(|_| raw_from(&mine, gateway.address, request))).await;
    let passed = burst.iter().filter(|answer| answer.status == 200).count();
    assert!(
        allowed(started).contains(&passed),
        "{passed} in {:?}",
        started.elapsed()
    );
    assert!(burst.iter().all(|answer| [200, 429].contains(&answer.status)));
    assert_eq!(raw_from(&neighbour, gateway.address, request).await.status, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_with_any_framing() {
    let gateway = TestGateway::with(with(Limits {
        body_bytes_max: 1000,
        ..Options::default().limits
    }))
    .await;
    let post = |body: reqwest::Body| gateway.client.post(gateway.url("/api/users")).body(body).send();
    assert_eq!(post(vec![b'x'; 1000].into()).await.unwrap().status(), 200);
    assert_eq!(gateway.stub.last().body_bytes, 1000);
    assert_eq!(gateway.stub.last().headers["content-length"], "1000");
    problem(post(vec![b'x'; 1001].into()).await.unwrap(), 413).await;

    let chunked = format!(
        "POST /api/users HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         258\r\n{0}\r\n258\r\n{0}\r\n0\r\n\r\n",
        "x".repeat(0x258)
    );
    let answer = raw(gateway.address, chunked).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.text.contains("body-too-large"), "{answer:?}");
    assert_eq!(gateway.stub.seen().len(), 1);
}

#[tokio::test]
async fn a_connection_with_a_slow_request_head_is_closed() {
    let header_timeout = Duration::from_millis(300);
    let gateway = TestGateway::with(with(Limits {
        header_timeout_ms: u64::try_from(header_timeout.as_millis()).unwrap(),
        ..Options::default().limits
    }))
    .await;
    let mut slow = TcpStream::connect(gateway.address).await.unwrap();
    slow.write_all(b"GET /api/products HTTP/1.1\r\nHost: x\r\nX-A: ")
        .await
        .unwrap();
    let started = Instant::now();
    let mut read = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), slow.read_to_end(&mut read)).await;
    assert!(ended.is_ok(), "the connection is still open");
    assert!(started.elapsed() >= header_timeout / 2);
    assert!(gateway.stub.seen().is_empty());
}

#[tokio::test]
async fn a_stalled_body_is_408() {
    let limits = Limits {
        body_idle_timeout_ms: 200,
        ..Options::default().limits
    };
    let gateway = TestGateway::with(with(limits)).await;
    let request = "POST /api/users HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhalf";
    let answer = raw(gateway.address, request).await;
    assert_eq!(answer.status, 408, "{answer:?}");
}

#[tokio::test]
async fn too_many_headers_or_too_large_ones_are_refused() {
    let gateway = TestGateway::new().await;
    let many = "X-A: 1\r\n".repeat(65);
    for headers in [many, format!("X-Large: {}\r\n", "a".repeat(64 * 1024))] {
        let request = format!("GET /api/products HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        // The kernel may drop the refusal when the client is still sending; then there is no answer at all.
        assert!([431, 400, 0].contains(&raw(gateway.address, request).await.status));
    }
    assert!(gateway.stub.seen().is_empty());
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_permit() {
    let limits = Limits {
        connections_max: 2,
        ..Options::default().limits
    };
    let gateway = TestGateway::with(with(limits)).await;
    let idle = [
        TcpStream::connect(gateway.address).await.unwrap(),
        TcpStream::connect(gateway.address).await.unwrap(),
    ];
    eventually("both connections to be open", || async {
        let status: serde_json::Value = gateway
            .client
            .get(gateway.operators_url("/internal/status"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        (status["connections"]["open"] == 2).then_some(())
    })
    .await;
    let request = "GET /api/products HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let third = tokio::spawn(raw(gateway.address, request));
    assert!(gateway.stub.seen().is_empty());
    drop(idle);
    assert_eq!(third.await.unwrap().status, 200);
}
