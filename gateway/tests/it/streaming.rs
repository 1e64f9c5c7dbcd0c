//! Bodies go through piece by piece, both ways.

use crate::fixture::{PIECE, PIECES, TestGateway, eventually};
use bytes::Bytes;
use futures_util::StreamExt;
use std::convert::Infallible;
use tokio::sync::mpsc;

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
async fn a_request_body_is_streamed() {
    let gateway = TestGateway::new().await;
    let (pieces, receiver) = mpsc::channel::<Bytes>(1);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver
            .recv()
            .await
            .map(|piece| (Ok::<_, Infallible>(piece), receiver))
    });
    let early = gateway
        .client
        .get(gateway.url("/api/products/early"))
        .body(reqwest::Body::wrap_stream(stream))
        .send();
    let early = tokio::spawn(early);
    pieces.send(Bytes::from_static(b"the first piece")).await.unwrap();
    // The service has the head of the request, while its body has no end yet.
    eventually("the request to arrive", || async { gateway.stub.seen().pop() }).await;
    drop(pieces);
    assert_eq!(early.await.unwrap().unwrap().status(), 204);
}

#[tokio::test]
async fn a_body_arrives_whole_with_and_without_a_length() {
    let gateway = TestGateway::new().await;
    let size = 1 << 20;
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
        (size, &b"1048576"[..])
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
    assert_eq!(gateway.stub.last().headers["transfer-encoding"], "chunked");
}
