//! Answers go through piece by piece, request bodies whole.

use crate::fixture::{PIECE, PIECES, TestGateway};
use futures_util::StreamExt;
use std::convert::Infallible;

#[tokio::test]
async fn a_response_is_streamed_and_arrives_whole() {
    let gateway = TestGateway::new().await;
    let answer = gateway
        .client
        .get(gateway.url("/api/products/endless"))
        .send()
        .await
        .unwrap();
    let mut body = answer.bytes_stream();
    let mut received = 0;
    // The second half is not there yet.
    while received < PIECE * PIECES / 2 {
        received += body.next().await.unwrap().unwrap().len();
    }
    assert_eq!(received, PIECE * PIECES / 2);
    gateway.stub.release();
    while let Some(piece) = body.next().await {
        received += piece.unwrap().len();
    }
    assert_eq!(received, PIECE * PIECES);
}

#[tokio::test]
async fn a_body_arrives_whole_with_and_without_a_length() {
    let gateway = TestGateway::new().await;
    let size = 256 * 1024;
    let whole = gateway
        .client
        .post(gateway.url("/api/users"))
        .body(vec![b'x'; size])
        .send()
        .await
        .unwrap();
    assert_eq!(whole.status(), 200);
    assert_eq!(
        (
            gateway.stub.last().body_bytes,
            gateway.stub.last().headers["content-length"].as_bytes()
        ),
        (size, &b"262144"[..])
    );

    let pieces = futures_util::stream::iter((0..16).map(move |_| Ok::<_, Infallible>(vec![b'x'; size / 16])));
    let chunked = gateway
        .client
        .post(gateway.url("/api/users"))
        .body(reqwest::Body::wrap_stream(pieces))
        .send()
        .await
        .unwrap();
    assert_eq!(chunked.status(), 200);
    assert_eq!(gateway.stub.last().body_bytes, size);
    assert_eq!(
        gateway.stub.last().headers["content-length"],
        "262144",
        "its length is known by then"
    );
}
