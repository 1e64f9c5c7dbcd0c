//! Mails that wait for an owner or an address.

use crate::fixture::{Fixture, User, message_id};
use chrono::TimeDelta;
use database::Database;
use kernel::{clock, id};
use notification_service::expiry;
use sqlx::{Connection, PgConnection};
use testkit::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_waits_for_the_address_and_is_sent_once_it_is_known() {
    let fixture = Fixture::new().await;
    let user = User::new();
    let confirmed = fixture.publish_order_event("order.confirmed", id::new(), &user).await;
    fixture.wait_for_mail("waiting", &user, "order.confirmed").await;
    let status = fixture.mail_counts().await;
    assert_eq!(status["waiting"], 1, "{status}");
    assert!(status["oldestWaitingAt"].is_string(), "{status}");

    fixture.publish(&user.registered(1)).await;
    fixture.wait_for_mail("sent", &user, "order.confirmed").await;
    let mails = fixture.mails.to(&user).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["messageId"], message_id(&confirmed));
    assert_eq!(fixture.mail_counts().await["waiting"], 0);
    // The mail keeps the order's correlation id.
    let correlation_id = sqlx::query_scalar::<_, String>("select correlation_id from intents where kind = 'mail'");
    let correlation_id = correlation_id.fetch_one(&fixture.service.database).await.unwrap();
    assert_eq!(correlation_id, confirmed.metadata.correlation_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_waits_for_the_owner_and_then_for_the_address() {
    let fixture = Fixture::new().await;
    let user = User::new();
    let order_id = id::new();
    let refunded = fixture.publish_refund(order_id).await;
    fixture.wait_for_inbox(&refunded).await;
    assert_eq!(fixture.mail_counts().await["waiting"], 1);
    assert!(fixture.notifications(&user).await.is_empty());

    fixture.publish_order_event("order.placed", order_id, &user).await;
    fixture.wait_for_mail("waiting", &user, "payment.refunded").await;
    fixture.publish(&user.registered(1)).await;
    fixture.wait_for_mail("sent", &user, "payment.refunded").await;
    let mails = fixture.mails.to(&user).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["messageId"], message_id(&refunded));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_events_release_the_mail_whichever_commits_last() {
    let fixture = Fixture::new().await;
    let _second = fixture.start_second().await;
    let users: Vec<_> = (0..40).map(|_| User::new()).collect();
    for user in &users {
        let order_id = id::new();
        let registered = user.registered(1);
        tokio::join!(
            fixture.publish_refund(order_id),
            fixture.publish(&registered),
            fixture.publish_order_event("order.cancelled", order_id, user),
        );
    }
    for user in &users {
        fixture.wait_for_mail("sent", user, "order.cancelled").await;
        fixture.wait_for_mail("sent", user, "payment.refunded").await;
        assert_eq!(fixture.mails.to(user).await.len(), 2);
    }
    assert_eq!(fixture.mail_counts().await["waiting"], 0);
}

/// Orders of one user, who may be a reseller, do not wait for each other; only a change of the address waits for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_one_users_orders_share_the_users_lock() {
    let fixture = Fixture::new().await;
    let user = User::new();
    let registered = user.registered(1);
    fixture.publish(&registered).await;
    fixture.wait_for_inbox(&registered).await;
    let mut other = PgConnection::connect(&fixture.env.database_url).await.unwrap();
    sqlx::raw_sql("begin").execute(&mut other).await.unwrap();
    sqlx::query("select pg_advisory_xact_lock_shared(hashtextextended('notification ' || $1::text, 0))")
        .bind(user.id.to_string())
        .execute(&mut other)
        .await
        .unwrap();
    let second = fixture.publish_order_event("order.confirmed", id::new(), &user).await;
    fixture.wait_for_inbox(&second).await;
    let updated = user.event("user.updated", 2);
    fixture.publish(&updated).await;
    eventually("the change of the address to wait", || async {
        let waiting = "select count(*) from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        let waiting: i64 = sqlx::query_scalar(waiting)
            .fetch_one(&fixture.service.database)
            .await
            .unwrap();
        (waiting > 0).then_some(())
    })
    .await;
    sqlx::raw_sql("commit").execute(&mut other).await.unwrap();
    fixture.wait_for_inbox(&updated).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_address_is_ignored() {
    let fixture = Fixture::new().await;
    let user = fixture.register_user().await;
    let newest = User {
        email: format!("newest-{}", user.email),
        ..user.clone()
    };
    let stale = User {
        email: format!("stale-{}", user.email),
        ..user.clone()
    };
    let updated = newest.event("user.updated", 3);
    fixture.publish(&updated).await;
    fixture.wait_for_inbox(&updated).await;
    let late = stale.event("user.updated", 2);
    fixture.publish(&late).await;
    fixture.wait_for_inbox(&late).await;

    fixture.publish_order_event("order.confirmed", id::new(), &user).await;
    fixture.wait_for_mail("sent", &user, "order.confirmed").await;
    assert_eq!(fixture.mails.to(&newest).await.len(), 1);
    assert_eq!(fixture.mails.to(&stale).await.len(), 0);
    assert_eq!(fixture.mails.to(&user).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_mail_fails_at_its_deadline() {
    let fixture = Fixture::new().await;
    let (user, other) = (User::new(), User::new());
    fixture.publish_order_event("order.confirmed", id::new(), &user).await;
    fixture.wait_for_mail("waiting", &user, "order.confirmed").await;
    let database = Database::new(&fixture.env.database_url, "notification-service", 2).unwrap();
    let now = clock::now();
    assert_eq!(expiry::expire(&database, now + TimeDelta::hours(23)).await.unwrap(), 0);
    assert_eq!(expiry::expire(&database, now + TimeDelta::hours(25)).await.unwrap(), 1);
    fixture.wait_for_mail("failed", &user, "order.confirmed").await;
    let status = fixture.mail_counts().await;
    assert_eq!(
        (&status["waiting"], &status["failed"]),
        (&0.into(), &1.into()),
        "{status}"
    );

    // The address comes too late for the first mail, and in time for the next.
    fixture.publish(&user.registered(1)).await;
    let shipped = fixture.publish_order_event("order.shipped", id::new(), &user).await;
    fixture.wait_for_mail("sent", &user, "order.shipped").await;
    let mails = fixture.mails.to(&user).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["messageId"], message_id(&shipped));
    assert!(fixture.notifications(&other).await.is_empty());
}
