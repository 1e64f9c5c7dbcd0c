//! Paths and request lines that gateway and service could interpret differently. All are sent as raw bytes.

use crate::fixture::{Answer, TestGateway, raw};

async fn send(gateway: &TestGateway, target: &str) -> Answer {
    raw(
        gateway.address,
        format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    )
    .await
}

fn assert_refused(gateway: &TestGateway, what: &str, answer: &Answer, statuses: &[u16]) {
    assert!(statuses.contains(&answer.status), "{what}: {answer:?}");
    assert!(!answer.text.contains("inside"), "{what} shows the inside: {answer:?}");
    assert!(gateway.stub.seen().is_empty(), "{what} reached a service");
}

#[tokio::test]
async fn ambiguous_paths_are_refused() {
    let gateway = TestGateway::new().await;
    for target in [
        "/api/users/%2e%2e/%2e%2e/internal/status",
        "/api/products/%2e%2e/%2e%2e/internal/status",
        "/api/products/.%2e/%2E./internal/status",
        "/api/products/../../internal/status",
        "/api/products/./x",
        "/api/products/..",
        "/api/products/..\\..\\internal\\status",
        "/api/products/..%5c..%5cinternal",
        "/api/products/..%2f..%2finternal%2fstatus",
        "/api/products/%252e%252e/internal",
        "//internal/status",
        "/api//products",
        "/api/products//",
        "/./internal",
        "/api/products;x=1",
        "/internal;x/status",
        "/api/products/%00",
        "/api/products/a%0d%0ab",
        "/api/products/%7f",
        "/api/products/%",
        "/api/products/%zz",
        "/api/products/%3fx",
        "/api/products/%23x",
    ] {
        let answer = send(&gateway, target).await;
        assert_refused(&gateway, target, &answer, &[400]);
        assert!(answer.text.contains("application/problem+json"), "{target}: {answer:?}");
    }
}

#[tokio::test]
async fn malformed_and_oversized_paths_are_refused() {
    let gateway = TestGateway::new().await;
    let line = |target: &[u8]| [b"GET ", target, b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"].concat();
    for target in [
        &b"/api/products/\0"[..],
        b"/api/products/\x80",
        b"/api/products/\xff\xfe",
        b"/api/products/\t",
        b"/api/a\x01",
    ] {
        let answer = raw(gateway.address, line(target)).await;
        assert_refused(&gateway, &String::from_utf8_lossy(target), &answer, &[400]);
    }
    let long = [b"/api/products/", "a".repeat(70_000).as_bytes()].concat();
    let answer = raw(gateway.address, line(&long)).await;
    assert_refused(&gateway, "70 kB", &answer, &[400, 414, 431]);
}

#[tokio::test]
async fn internal_paths_are_unreachable() {
    let gateway = TestGateway::new().await;
    for target in [
        "/internal/status",
        "/INTERNAL/status",
        "/Internal/Status",
        "/api/internal/status",
        "/internal",
        "/metrics",
        "/internal/metrics",
        "/livez",
        "/readyz",
        "/health",
        "/.well-known/jwks.json",
        "/",
        "/api",
        "/api/",
        "/api/products/",
        "/api/products/1/internal",
        "/api/users/republish/x",
        "/favicon.ico",
    ] {
        assert_refused(&gateway, target, &send(&gateway, target).await, &[404]);
    }
}

#[tokio::test]
async fn requests_without_one_matching_host_are_refused() {
    let gateway = TestGateway::new().await;
    let cases = [
        (
            "a foreign target",
            "GET http://evil.example/api/products HTTP/1.1\r\nHost: x\r\n",
        ),
        (
            "a foreign target inside",
            "GET http://evil.example/internal/status HTTP/1.1\r\nHost: x\r\n",
        ),
        (
            "two hosts",
            "GET /api/products HTTP/1.1\r\nHost: x\r\nHost: evil.example\r\n",
        ),
        (
            "the same host twice",
            "GET /api/products HTTP/1.1\r\nHost: x\r\nHost: x\r\n",
        ),
        ("no host", "GET /api/products HTTP/1.1\r\n"),
    ];
    for (what, head) in cases {
        let answer = raw(gateway.address, format!("{head}Connection: close\r\n\r\n")).await;
        assert_refused(&gateway, what, &answer, &[400, 421]);
    }
    let same = raw(
        gateway.address,
        "GET http://x/api/products HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(same.status, 200);
    assert_eq!(gateway.stub.last().target, "/api/products");
}

#[tokio::test]
async fn other_methods_are_405_with_the_allowed_ones() {
    let gateway = TestGateway::new().await;
    let send = async |line: &str| {
        raw(
            gateway.address,
            format!("{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        )
        .await
    };
    for line in [
        "TRACE /api/products",
        "CONNECT evil.example:443",
        "BREW /api/products",
        "DELETE /api/products",
        "GET /api/auth/login",
    ] {
        let answer = send(line).await;
        assert_refused(&gateway, line, &answer, &[405]);
        assert!(answer.text.to_lowercase().contains("\r\nallow: "), "{line}: {answer:?}");
    }
    let options = send("OPTIONS /api/products").await;
    assert_refused(&gateway, "OPTIONS", &options, &[204]);
    assert!(options.text.contains("allow: GET, HEAD, POST, OPTIONS"), "{options:?}");
    assert!(
        !options.text.to_lowercase().contains("access-control-allow-origin"),
        "{options:?}"
    );
}

#[tokio::test]
async fn the_matched_target_is_forwarded_unchanged() {
    let gateway = TestGateway::new().await;
    for target in [
        "/api/products/a%20b",
        "/api/products/a'b(c)!~*",
        "/api/products/%C3%A9?ids=a,b&x=%2F..%2F",
        "/api/products?a=/../internal",
    ] {
        assert_eq!(send(&gateway, target).await.status, 200, "{target}");
        assert_eq!(gateway.stub.last().target, target);
    }
}

#[tokio::test]
async fn ambiguous_framing_is_refused() {
    let gateway = TestGateway::new().await;
    let cases = [
        ("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        ("a signed length", "Content-Length: +5\r\n"),
        ("an unknown coding", "Transfer-Encoding: xchunked\r\n"),
        ("chunked is not the last", "Transfer-Encoding: chunked, identity\r\n"),
        ("a space before the colon", "Transfer-Encoding : chunked\r\n"),
        ("a folded header", "X-A: 1\r\n 2\r\n"),
    ];
    for (what, headers) in cases {
        let request = format!("POST /api/users HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\nhello");
        assert_refused(&gateway, what, &raw(gateway.address, request).await, &[400]);
    }
    let old = "POST /api/users HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_refused(
        &gateway,
        "chunked in HTTP/1.0",
        &raw(gateway.address, old).await,
        &[400],
    );
}
