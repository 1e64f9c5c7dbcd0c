//! Connections to the mail server are kept for the next mails, and whatever becomes of one costs no mail an attempt.

use crate::fixture::{Fixture, User};
use kernel::id;

/// Sends the user one mail and waits until it is sent.
async fn send(fixture: &Fixture, user: &User, kind: &str) {
    fixture.publish_order_event(kind, id::new(), user).await;
    fixture.wait_for_mail("sent", user, kind).await;
}

async fn assert_each_was_sent_at_once(fixture: &Fixture) {
    let repeated: i64 = sqlx::query_scalar("select count(*) from intents where attempts > 1")
        .fetch_one(&fixture.service.database)
        .await
        .unwrap();
    assert_eq!(repeated, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_that_follow_one_another_share_a_connection() {
    let (fixture, link) = Fixture::behind_link().await;
    let user = fixture.register_user().await;
    let before = link.opened();
    for kind in ["order.confirmed", "order.cancelled", "order.shipped"] {
        send(&fixture, &user, kind).await;
    }
    assert_eq!(link.opened() - before, 1);
    assert_eq!(fixture.mails.message_ids(&user).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_server_has_closed_costs_no_attempt() {
    let mut fixture = Fixture::new().await;
    let user = fixture.register_user().await;
    send(&fixture, &user, "order.confirmed").await;
    fixture.mails.stop().await;
    fixture.mails.restart().await;
    send(&fixture, &user, "order.shipped").await;
    assert_each_was_sent_at_once(&fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_has_gone_silent_costs_no_attempt() {
    let (fixture, link) = Fixture::behind_link().await;
    let user = fixture.register_user().await;
    send(&fixture, &user, "order.confirmed").await;
    assert_eq!(link.silence_open(), 1, "the connection was kept");
    send(&fixture, &user, "order.shipped").await;
    assert_each_was_sent_at_once(&fixture).await;
}
