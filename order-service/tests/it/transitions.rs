//! Cancelling, shipping, delivering: who may, when, and who wins a race.

use crate::fixture::{Fixture, problem};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmed_order_is_shipped_and_delivered() {
    let mut fixture = Fixture::new().await;
    let admin = fixture.admin();
    let placed = fixture.confirmed().await;
    for (action, status) in [("ship", "shipped"), ("deliver", "delivered")] {
        // Asking twice is asking once.
        for _ in 0..2 {
            let answer = fixture.act(&placed, action, &admin).await;
            assert_eq!(answer.status(), 200);
            assert!(answer.headers().contains_key("etag"));
            assert_eq!(answer.json::<Value>().await.unwrap()["status"], status);
        }
    }
    let expected = [
        "order.placed",
        "order.payment_received",
        "order.confirmed",
        "order.shipped",
        "order.delivered",
    ];
    assert_eq!(fixture.written(placed.id).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_administrators_ship_and_deliver() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.confirmed().await;
    for action in ["ship", "deliver"] {
        problem(fixture.act(&placed, action, &placed.identity).await, 403).await;
    }
    let admin = fixture.admin();
    // And only the owner cancels.
    problem(fixture.act(&placed, "cancel", &admin).await, 404).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_transitions_are_conflicts() {
    let mut fixture = Fixture::new().await;
    let admin = fixture.admin();
    let placed = fixture.place().await;
    for action in ["ship", "deliver"] {
        let refused = problem(fixture.act(&placed, action, &admin).await, 409).await;
        assert_eq!(refused["code"], "order-status");
        assert!(refused["detail"].as_str().unwrap().contains("placed"));
    }
    let confirmed = fixture.confirmed().await;
    problem(fixture.act(&confirmed, "deliver", &admin).await, 409).await;
    assert_eq!(fixture.act(&confirmed, "ship", &admin).await.status(), 200);
    problem(fixture.act(&confirmed, "cancel", &confirmed.identity).await, 409).await;
    let failed = fixture.place().await;
    fixture.publish("payment.failed", failed.id).await;
    fixture.until(&failed, "status", "failed").await;
    problem(fixture.act(&failed, "cancel", &failed.identity).await, 409).await;
    problem(fixture.act(&failed, "ship", &admin).await, 409).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn if_match_guards_a_change() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.place().await;
    let path = format!("/api/orders/{}/cancel", placed.id);
    let cancel = |tag: &'static str| {
        fixture
            .service
            .post(&path, &placed.identity)
            .header("If-Match", tag)
            .send()
    };
    assert_eq!(
        problem(cancel("\"7\"").await.unwrap(), 412).await["code"],
        "order-changed"
    );
    problem(cancel("W/\"1\"").await.unwrap(), 412).await;
    problem(cancel("1").await.unwrap(), 400).await;
    assert_eq!(fixture.order(&placed).await["status"], "placed");
    assert_eq!(cancel("\"1\"").await.unwrap().status(), 200);
    let cancelled = fixture.order(&placed).await;
    assert_eq!(
        (&cancelled["status"], &cancelled["reason"]),
        (&"cancelled".into(), &"customer_request".into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_cancelled_before_shipping_is_compensated() {
    let mut fixture = Fixture::new().await;
    for before in [
        &[][..],
        &["payment.completed"],
        &["inventory.reserved"],
        &["payment.completed", "inventory.reserved"],
    ] {
        let placed = fixture.place().await;
        for event_type in before {
            let event = fixture.publish(event_type, placed.id).await;
            fixture.until_consumed(&[&event]).await;
        }
        let answer = fixture.act(&placed, "cancel", &placed.identity).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(fixture.act(&placed, "cancel", &placed.identity).await.status(), 200);
        fixture.probe.wait_for("order.cancelled", placed.id).await;
        assert_eq!(fixture.order(&placed).await["compensation"], "pending");
        let payment = if before.contains(&"payment.completed") {
            "payment.refunded"
        } else {
            "payment.voided"
        };
        fixture.publish(payment, placed.id).await;
        fixture.publish("inventory.released", placed.id).await;
        fixture.until(&placed, "compensation", "done").await;
        let written = fixture.written(placed.id).await;
        assert_eq!(
            written.iter().filter(|event| *event == "order.cancelled").count(),
            1,
            "{written:?}"
        );
        assert_eq!(written.last().unwrap(), "order.cancelled", "{written:?}");
    }
}

/// Cancel and the last answer race for the row lock: the first decides, and both ends are in agreement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_cancellation_and_confirmation_end_in_agreement() {
    let mut fixture = Fixture::new().await;
    for _ in 0..15 {
        let placed = fixture.place().await;
        let first = fixture.publish("payment.completed", placed.id).await;
        fixture.until_consumed(&[&first]).await;
        let (event, answer) = tokio::join!(
            fixture.publish("inventory.reserved", placed.id),
            fixture.act(&placed, "cancel", &placed.identity)
        );
        assert_eq!(answer.status(), 200);
        fixture.until_consumed(&[&event]).await;
        let order = fixture.order(&placed).await;
        assert_eq!(
            (&order["status"], &order["stock"]),
            (&"cancelled".into(), &"reserved".into())
        );
        let written = fixture.written(placed.id).await;
        let confirmed_first = [
            "order.placed",
            "order.payment_received",
            "order.confirmed",
            "order.cancelled",
        ];
        let cancelled_first = ["order.placed", "order.payment_received", "order.cancelled"];
        assert!(written == confirmed_first || written == cancelled_first, "{written:?}");
    }
}

/// Ship and cancel meet: one of them is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_shipping_and_cancellation_one_succeeds() {
    let mut fixture = Fixture::new().await;
    let admin = fixture.admin();
    for _ in 0..15 {
        let placed = fixture.confirmed().await;
        let (ship, cancel) = tokio::join!(
            fixture.act(&placed, "ship", &admin),
            fixture.act(&placed, "cancel", &placed.identity)
        );
        let statuses = [ship.status().as_u16(), cancel.status().as_u16()];
        assert!(statuses == [200, 409] || statuses == [409, 200], "{statuses:?}");
        let status = fixture.order(&placed).await["status"].as_str().unwrap().to_owned();
        assert_eq!(status, if statuses[0] == 200 { "shipped" } else { "cancelled" });
    }
}
