use crate::support::{User, World, message_id};
use chrono::TimeDelta;
use notification_service::waiting;
use shared::database::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_waits_for_the_contact_and_goes_out_when_it_comes() {
    let world = World::new().await;
    let user = User::new();
    let confirmed = world.order("order.confirmed", shared::id::new(), &user).await;
    world.mail_is("waiting", &user, "order.confirmed").await;
    let status = world.status().await;
    assert_eq!(status["waiting"], 1, "{status}");
    assert!(status["oldestWaitingAt"].is_string(), "{status}");

    world.publish(&user.registered(1)).await;
    world.mail_is("sent", &user, "order.confirmed").await;
    let mails = world.mails.to(&user).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["messageId"], message_id(&confirmed));
    assert_eq!(world.status().await["waiting"], 0);
    // The mail belongs to the order's story.
    let story = sqlx::query_scalar::<_, String>("select correlation_id from intents where kind = 'mail'");
    let story = story.fetch_one(&world.service.database).await.unwrap();
    assert_eq!(story, confirmed.metadata.correlation_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_waits_for_the_owner_and_then_for_the_contact() {
    let world = World::new().await;
    let user = User::new();
    let order_id = shared::id::new();
    let refunded = world.refunded(order_id).await;
    world.taken(&refunded).await;
    assert_eq!(world.status().await["waiting"], 1);
    assert!(world.notifications(&user).await.is_empty());

    world.order("order.placed", order_id, &user).await;
    world.mail_is("waiting", &user, "payment.refunded").await;
    world.publish(&user.registered(1)).await;
    world.mail_is("sent", &user, "payment.refunded").await;
    let mails = world.mails.to(&user).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["messageId"], message_id(&refunded));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_last_releases_the_mail_even_if_all_come_at_once() {
    let world = World::new().await;
    let _second = world.second_instance().await;
    let users: Vec<_> = (0..40).map(|_| User::new()).collect();
    for user in &users {
        let order_id = shared::id::new();
        let registered = user.registered(1);
        tokio::join!(
            world.refunded(order_id),
            world.publish(&registered),
            world.order("order.cancelled", order_id, user),
        );
    }
    for user in &users {
        world.mail_is("sent", user, "order.cancelled").await;
        world.mail_is("sent", user, "payment.refunded").await;
        assert_eq!(world.mails.to(user).await.len(), 2);
    }
    assert_eq!(world.status().await["waiting"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_address_is_ignored() {
    let world = World::new().await;
    let user = world.registered().await;
    let newest = User {
        email: format!("newest-{}", user.email),
        ..user.clone()
    };
    let stale = User {
        email: format!("stale-{}", user.email),
        ..user.clone()
    };
    let updated = newest.told("user.updated", 3);
    world.publish(&updated).await;
    world.taken(&updated).await;
    let late = stale.told("user.updated", 2);
    world.publish(&late).await;
    world.taken(&late).await;

    world.order("order.confirmed", shared::id::new(), &user).await;
    world.mail_is("sent", &user, "order.confirmed").await;
    assert_eq!(world.mails.to(&newest).await.len(), 1);
    assert_eq!(world.mails.to(&stale).await.len(), 0);
    assert_eq!(world.mails.to(&user).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_ends_at_its_deadline() {
    let world = World::new().await;
    let (user, other) = (User::new(), User::new());
    world.order("order.confirmed", shared::id::new(), &user).await;
    world.mail_is("waiting", &user, "order.confirmed").await;
    let database = Database::new(&world.bed.database_url, "notification-service", 2).unwrap();
    let now = shared::clock::now();
    assert_eq!(
        waiting::give_up(&database, now + TimeDelta::hours(23)).await.unwrap(),
        0
    );
    assert_eq!(
        waiting::give_up(&database, now + TimeDelta::hours(25)).await.unwrap(),
        1
    );
    world.mail_is("failed", &user, "order.confirmed").await;
    let status = world.status().await;
    assert_eq!(
        (&status["waiting"], &status["failed"]),
        (&0.into(), &1.into()),
        "{status}"
    );

    // Too late for the first order, and in time for the next.
    world.publish(&user.registered(1)).await;
    let shipped = world.order("order.shipped", shared::id::new(), &user).await;
    world.mail_is("sent", &user, "order.shipped").await;
    let mails = world.mails.to(&user).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["messageId"], message_id(&shipped));
    assert!(world.notifications(&other).await.is_empty());
}
