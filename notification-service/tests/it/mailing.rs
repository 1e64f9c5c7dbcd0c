//! Mails and notifications of events.

use crate::fixture::{Fixture, User, message_id};
use kernel::id;
use messaging::Envelope;
use serde_json::Value;
use testkit::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_event_is_mailed_and_listed() {
    let fixture = Fixture::new().await;
    let user = fixture.register_user().await;
    let order_id = id::new();
    let placed = fixture.publish_order_event("order.placed", order_id, &user).await;
    fixture.wait_for_inbox(&placed).await;
    let mut events = Vec::new();
    for kind in [
        "order.confirmed",
        "order.shipped",
        "order.delivered",
        "order.failed",
        "order.cancelled",
    ] {
        events.push(fixture.publish_order_event(kind, order_id, &user).await);
    }
    events.push(fixture.publish_refund(order_id).await);
    // These have no effect.
    fixture
        .publish_order_event("order.payment_received", order_id, &user)
        .await;
    let without_effect = fixture
        .publish_order_event("order.compensation_requested", order_id, &user)
        .await;
    fixture.wait_for_inbox(&without_effect).await;

    fixture.mails.wait_for(events.len(), &user).await;
    for event in &events {
        assert_mailed_and_listed(&fixture, &user, event).await;
    }
    let texts: String = fixture
        .mails
        .to(&user)
        .await
        .iter()
        .map(|mail| mail["body"].as_str().unwrap())
        .collect();
    assert!(texts.contains("59.98 USD") && texts.contains("12.50 EUR"), "{texts}");
    assert!(texts.contains("the payment was declined"), "{texts}");
    assert_eq!(fixture.notifications(&user).await.len(), events.len());
    assert_eq!(fixture.mails.to(&user).await.len(), events.len());
}

async fn assert_mailed_and_listed(fixture: &Fixture, user: &User, event: &Envelope) {
    let shown = fixture.wait_for_mail("sent", user, &event.event_type).await;
    let order_id = event.metadata.subject.to_string();
    assert_eq!(shown["orderId"], order_id);
    assert_eq!(shown["readAt"], Value::Null);
    assert!(
        shown["title"].as_str().is_some_and(|title| !title.is_empty()),
        "{shown}"
    );
    let mails = fixture.mails.to(user).await;
    let mail = mails
        .iter()
        .find(|mail| mail["messageId"] == message_id(event))
        .expect("a mail about this event");
    assert_eq!(mail["subject"], shown["title"]);
    let body = mail["body"].as_str().unwrap();
    assert!(body.starts_with("Hello Ada,") && body.contains(&order_id), "{body}");
    assert!(body.contains(shown["body"].as_str().unwrap()), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_event_makes_one_notification_and_one_mail() {
    let fixture = Fixture::new().await;
    let second = fixture.start_second().await;
    let user = fixture.register_user().await;
    let order_id = id::new();
    let confirmed = fixture.publish_order_event("order.confirmed", order_id, &user).await;
    for _ in 0..9 {
        fixture.publish(&confirmed).await;
    }
    let count = |status: Value, counter: &str| status["consumer"][counter].as_u64().unwrap();
    eventually("ten deliveries to be handled", || async {
        let (one, other) = (fixture.service.status().await, second.status().await);
        let handled = count(one.clone(), "handled") + count(other.clone(), "handled");
        let duplicates = count(one, "duplicates") + count(other, "duplicates");
        // The user's registration is one more.
        (handled + duplicates >= 11)
            .then_some(())
            .inspect(|()| assert_eq!((handled, duplicates), (2, 9)))
    })
    .await;
    fixture.wait_for_mail("sent", &user, "order.confirmed").await;
    // A second copy of the first mail would arrive before this one.
    let shipped = fixture.publish_order_event("order.shipped", order_id, &user).await;
    fixture.wait_for_mail("sent", &user, "order.shipped").await;
    assert_eq!(
        fixture.mails.message_ids(&user).await,
        [message_id(&confirmed), message_id(&shipped)]
    );
    assert_eq!(fixture.notifications(&user).await.len(), 2);
}
