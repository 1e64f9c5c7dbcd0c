//! Failures of the mail server.

use crate::fixture::{Fixture, User, message_id};
use kernel::id;
use testkit::eventually;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_retried_until_the_mail_server_is_available_again() {
    let mut fixture = Fixture::new().await;
    let user = fixture.register_user().await;
    let order_id = id::new();
    let confirmed = fixture.publish_order_event("order.confirmed", order_id, &user).await;
    fixture.wait_for_mail("sent", &user, "order.confirmed").await;
    fixture.mails.stop().await;

    let shipped = fixture.publish_order_event("order.shipped", order_id, &user).await;
    let error = failed_attempt(&fixture).await;
    assert!(error.contains("mail server"), "{error}");
    fixture.wait_for_mail("pending", &user, "order.shipped").await;

    fixture.mails.restart().await;
    fixture.wait_for_mail("sent", &user, "order.shipped").await;
    assert_eq!(
        fixture.mails.message_ids(&user).await,
        [message_id(&confirmed), message_id(&shipped)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_does_not_reply_times_out_and_the_mail_is_retried() {
    let mut fixture = Fixture::new().await;
    let user = fixture.register_user().await;
    fixture.mails.accept_without_a_reply().await;
    let confirmed = fixture.publish_order_event("order.confirmed", id::new(), &user).await;
    let error = failed_attempt(&fixture).await;
    assert!(error.contains("mail server"), "{error}");
    fixture.mails.wait_until_closed().await;
    fixture.mails.restart().await;
    fixture.wait_for_mail("sent", &user, "order.confirmed").await;
    assert_eq!(fixture.mails.message_ids(&user).await, [message_id(&confirmed)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_refused_for_the_servers_own_reasons_is_sent_later() {
    let mut fixture = Fixture::new().await;
    let user = fixture.register_user().await;
    for (command, reply) in [
        ("CONNECT", "554 this host is on a block list"),
        ("EHLO", "550 not today"),
        ("MAIL", "550 the quota of this sender is used up"),
        ("MAIL", "553 the sender is not allowed"),
        ("RCPT", "550 5.7.1 relaying denied"),
        (".", "554 5.3.0 out of space"),
    ] {
        fixture.mails.refuse(command, reply).await;
        let confirmed = fixture.publish_order_event("order.confirmed", id::new(), &user).await;
        let error = failed_attempt(&fixture).await;
        assert!(error.contains(&reply[..3]), "{command}: {error}");
        assert_eq!(fixture.mail_counts().await["failed"], 0, "{command} {reply}");
        fixture.mails.stop().await;
        fixture.mails.restart().await;
        eventually("the mail to be sent", || async {
            sqlx::query_scalar::<_, Uuid>("select id from notifications where event_id = $1 and mail = 'sent'")
                .bind(confirmed.metadata.event_id)
                .fetch_optional(&fixture.service.database)
                .await
                .unwrap()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_whose_recipient_or_text_is_refused_fails_at_once() {
    let mut fixture = Fixture::new().await;
    for (command, reply) in [
        ("RCPT", "550 no such user"),
        ("RCPT", "550 5.1.1 no such user"),
        ("DATA", "554 no valid recipients"),
        (".", "552 too large"),
        ("RCPT", "550 no\0such user"),
    ] {
        let user = fixture.register_user().await;
        fixture.mails.refuse(command, reply).await;
        fixture.publish_order_event("order.confirmed", id::new(), &user).await;
        fixture.wait_for_mail("failed", &user, "order.confirmed").await;
    }
}

/// An operator gives a mail up: the list then shows that it was not sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_whose_job_is_discarded_has_failed_and_the_reason_is_kept() {
    let mut fixture = Fixture::new().await;
    let user = fixture.register_user().await;
    fixture.mails.stop().await;
    fixture.publish_order_event("order.confirmed", id::new(), &user).await;
    failed_attempt(&fixture).await;
    let park =
        "update intents set parked_at = now(), due_at = 'infinity' where lease is null and failures > 0 returning id";
    let job: Uuid = eventually("a job between two attempts", || async {
        sqlx::query_scalar(park)
            .fetch_optional(&fixture.service.database)
            .await
            .unwrap()
    })
    .await;
    let discard = format!("/internal/jobs/{job}/discard");
    let answer = fixture.service.operator(reqwest::Method::POST, &discard);
    let answer = answer.json(&serde_json::json!({ "reason": "the mailbox is gone" }));
    assert_eq!(answer.send().await.unwrap().status(), 204);

    fixture.wait_for_mail("failed", &user, "order.confirmed").await;
    let reason: String = sqlx::query_scalar("select mail_failure from notifications where id = $1")
        .bind(job)
        .fetch_one(&fixture.service.database)
        .await
        .unwrap();
    assert_eq!(reason, "discarded by an operator: the mailbox is gone");
    assert_eq!(fixture.mail_counts().await["failed"], 1);
}

/// Waits for a failed attempt, and returns its error.
async fn failed_attempt(fixture: &Fixture) -> String {
    let attempt = "select last_error from intents where done_at is null and attempts > 0 and last_error is not null";
    eventually("a failed attempt", || async {
        let error: Option<String> = sqlx::query_scalar(attempt)
            .fetch_optional(&fixture.service.database)
            .await
            .unwrap();
        error
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permanently_rejected_mail_fails_and_delays_no_other() {
    let fixture = Fixture::new().await;
    let rejected = User {
        email: "ada@refused.invalid".to_owned(),
        ..User::new()
    };
    let invalid = User {
        email: "no address at all".to_owned(),
        ..User::new()
    };
    let user = fixture.register_user().await;
    for other in [&rejected, &invalid] {
        fixture.publish(&other.registered(1)).await;
        fixture.publish_order_event("order.confirmed", id::new(), other).await;
    }
    fixture.publish_order_event("order.confirmed", id::new(), &user).await;
    fixture.wait_for_mail("sent", &user, "order.confirmed").await;
    for other in [&rejected, &invalid] {
        fixture.wait_for_mail("failed", other, "order.confirmed").await;
    }
    let reasons = "select mail_failure from notifications where mail = 'failed' order by mail_failure";
    let reasons: Vec<String> = sqlx::query_scalar(reasons)
        .fetch_all(&fixture.service.database)
        .await
        .unwrap();
    assert!(
        reasons[0].contains("550") && reasons[1].contains("cannot be composed"),
        "{reasons:?}"
    );
    let open = "select count(*) from intents where done_at is null";
    let open: i64 = sqlx::query_scalar(open)
        .fetch_one(&fixture.service.database)
        .await
        .unwrap();
    assert_eq!(open, 0);
    assert_eq!(fixture.mail_counts().await["failed"], 2);
}
