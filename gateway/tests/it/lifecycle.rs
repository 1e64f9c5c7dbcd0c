//! The stop.

use crate::support::{Bed, Wish, eventually};
use gateway::config::Limits;
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

#[tokio::test]
async fn a_stop_lets_the_running_request_finish_and_takes_no_other() {
    let mut bed = Bed::new().await;
    let running = tokio::spawn(bed.client.get(bed.url("/api/products/slow")).send());
    eventually("the request to arrive", || async { bed.stub.seen().pop() }).await;
    bed.stop.cancel();
    eventually("the port to be closed", || async {
        TcpStream::connect(bed.address).await.err()
    })
    .await;
    // Operators see that it is going.
    let readiness = bed.client.get(bed.operators_url("/readyz")).send().await.unwrap();
    assert_eq!(readiness.status(), 503);
    assert!(!bed.ended.is_finished());

    bed.stub.release();
    let answer = running.await.unwrap().unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.text().await.unwrap()),
        (200, "done".to_owned())
    );
    let ended = timeout(Duration::from_secs(10), &mut bed.ended).await.unwrap();
    assert!(ended.unwrap().is_ok());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let limits = Limits {
        drain_timeout: Duration::from_millis(300),
        ..Wish::default().limits
    };
    let mut bed = Bed::with(Wish {
        limits,
        ..Wish::default()
    })
    .await;
    let running = tokio::spawn(bed.client.get(bed.url("/api/products/slow")).send());
    eventually("the request to arrive", || async { bed.stub.seen().pop() }).await;
    bed.stop.cancel();
    let ended = timeout(Duration::from_secs(10), &mut bed.ended).await.unwrap();
    assert!(ended.unwrap().is_ok());
    running.abort();
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let mut bed = Bed::new().await;
    // The client keeps its connection open for the next request.
    assert_eq!(
        bed.client.get(bed.url("/api/products")).send().await.unwrap().status(),
        200
    );
    let silent = TcpStream::connect(bed.address).await.unwrap();
    bed.stop.cancel();
    let ended = timeout(Duration::from_secs(5), &mut bed.ended).await.unwrap();
    assert!(ended.unwrap().is_ok());
    drop(silent);
}
