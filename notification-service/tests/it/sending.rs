use crate::support::{User, World, message_id};
use shared::testing::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_is_away_is_asked_again() {
    let mut world = World::new().await;
    let user = world.registered().await;
    let order_id = shared::id::new();
    let confirmed = world.order("order.confirmed", order_id, &user).await;
    world.mail_is("sent", &user, "order.confirmed").await;
    world.mails.go_away().await;

    let shipped = world.order("order.shipped", order_id, &user).await;
    let error = failed_attempt(&world).await;
    assert!(error.contains("mail server"), "{error}");
    world.mail_is("pending", &user, "order.shipped").await;

    world.mails.come_back().await;
    world.mail_is("sent", &user, "order.shipped").await;
    assert_eq!(
        world.mails.ids(&user).await,
        [message_id(&confirmed), message_id(&shipped)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_says_nothing_is_given_up_and_asked_again() {
    let mut world = World::new().await;
    let user = world.registered().await;
    world.mails.fall_silent().await;
    let confirmed = world.order("order.confirmed", shared::id::new(), &user).await;
    let error = failed_attempt(&world).await;
    assert!(error.contains("mail server"), "{error}");
    world.mails.until_given_up().await;
    world.mails.come_back().await;
    world.mail_is("sent", &user, "order.confirmed").await;
    assert_eq!(world.mails.ids(&user).await, [message_id(&confirmed)]);
}

/// What became of a try that failed.
async fn failed_attempt(world: &World) -> String {
    let attempt = "select last_error from intents where done_at is null and attempts > 0 and last_error is not null";
    eventually("a failed attempt", || async {
        let error: Option<String> = sqlx::query_scalar(attempt)
            .fetch_optional(&world.service.database)
            .await
            .unwrap();
        error
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_refused_for_good_has_failed_and_stops_nobody() {
    let world = World::new().await;
    let refused = User {
        email: "nobody@refused.invalid".to_owned(),
        ..User::new()
    };
    let nonsense = User {
        email: "no address at all".to_owned(),
        ..User::new()
    };
    let user = world.registered().await;
    for other in [&refused, &nonsense] {
        world.publish(&other.registered(1)).await;
        world.order("order.confirmed", shared::id::new(), other).await;
    }
    world.order("order.confirmed", shared::id::new(), &user).await;
    world.mail_is("sent", &user, "order.confirmed").await;
    for other in [&refused, &nonsense] {
        world.mail_is("failed", other, "order.confirmed").await;
    }
    let reasons = "select mail_failure from notifications where mail = 'failed' order by mail_failure";
    let reasons: Vec<String> = sqlx::query_scalar(reasons)
        .fetch_all(&world.service.database)
        .await
        .unwrap();
    assert!(
        reasons[0].contains("no mail can be made") && reasons[1].contains("550"),
        "{reasons:?}"
    );
    let open = "select count(*) from intents where done_at is null";
    let open: i64 = sqlx::query_scalar(open)
        .fetch_one(&world.service.database)
        .await
        .unwrap();
    assert_eq!(open, 0);
    assert_eq!(world.status().await["failed"], 2);
}
