use crate::support::{User, World, message_id};
use serde_json::Value;
use shared::{messaging::envelope::Envelope, testing::eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_is_mailed_and_listed() {
    let world = World::new().await;
    let user = world.registered().await;
    let order_id = shared::id::new();
    let placed = world.order("order.placed", order_id, &user).await;
    world.taken(&placed).await;
    let mut events = Vec::new();
    for kind in [
        "order.confirmed",
        "order.shipped",
        "order.delivered",
        "order.failed",
        "order.cancelled",
    ] {
        events.push(world.order(kind, order_id, &user).await);
    }
    events.push(world.refunded(order_id).await);
    // Nobody is told of these.
    world.order("order.payment_received", order_id, &user).await;
    let quiet = world.order("order.compensation_requested", order_id, &user).await;
    world.taken(&quiet).await;

    world.mails.wait_for(events.len(), &user).await;
    for event in &events {
        is_mailed_and_listed(&world, &user, event).await;
    }
    let texts: String = world
        .mails
        .to(&user)
        .await
        .iter()
        .map(|mail| mail["body"].as_str().unwrap())
        .collect();
    assert!(texts.contains("59.98 USD") && texts.contains("12.50 EUR"), "{texts}");
    assert!(texts.contains("the payment was declined"), "{texts}");
    assert_eq!(world.notifications(&user).await.len(), events.len());
    assert_eq!(world.mails.to(&user).await.len(), events.len());
}

async fn is_mailed_and_listed(world: &World, user: &User, event: &Envelope) {
    let shown = world.mail_is("sent", user, &event.event_type).await;
    let order_id = event.metadata.subject.to_string();
    assert_eq!(shown["orderId"], order_id);
    assert_eq!(shown["readAt"], Value::Null);
    assert!(
        shown["title"].as_str().is_some_and(|title| !title.is_empty()),
        "{shown}"
    );
    let mails = world.mails.to(user).await;
    let mail = mails
        .iter()
        .find(|mail| mail["messageId"] == message_id(event))
        .expect("a mail of this event");
    assert_eq!(mail["subject"], shown["title"]);
    let body = mail["body"].as_str().unwrap();
    assert!(body.starts_with("Hello Ada,") && body.contains(&order_id), "{body}");
    assert!(body.contains(shown["body"].as_str().unwrap()), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_is_one_notification_and_one_mail() {
    let world = World::new().await;
    let second = world.second_instance().await;
    let user = world.registered().await;
    let order_id = shared::id::new();
    let confirmed = world.order("order.confirmed", order_id, &user).await;
    for _ in 0..9 {
        world.publish(&confirmed).await;
    }
    let count = |status: Value, counter: &str| status["consumer"][counter].as_u64().unwrap();
    eventually("ten deliveries to be handled", || async {
        let (one, other) = (world.service.status().await, second.status().await);
        let handled = count(one.clone(), "handled") + count(other.clone(), "handled");
        let duplicates = count(one, "duplicates") + count(other, "duplicates");
        // The user's registration is one more.
        (handled + duplicates >= 11)
            .then_some(())
            .inspect(|()| assert_eq!((handled, duplicates), (2, 9)))
    })
    .await;
    world.mail_is("sent", &user, "order.confirmed").await;
    // A last mail: whatever would have been sent twice is there before it.
    let shipped = world.order("order.shipped", order_id, &user).await;
    world.mail_is("sent", &user, "order.shipped").await;
    let ids: Vec<_> = world
        .mails
        .to(&user)
        .await
        .iter()
        .map(|mail| mail["messageId"].clone())
        .collect();
    assert_eq!(ids, [message_id(&confirmed), message_id(&shipped)]);
    assert_eq!(world.notifications(&user).await.len(), 2);
}
