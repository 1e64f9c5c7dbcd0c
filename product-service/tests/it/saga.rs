//! The table of states and inputs, through real messages.

use crate::fixture::{CUP, DRIPPER, Fixture, LAST_PIECE, SOLD_OUT, lines, placed, stock};
use kernel::id;
use serde_json::json;
use uuid::Uuid;

const ENDS: [&str; 3] = ["order.failed", "order.cancelled", "order.compensation_requested"];

#[tokio::test]
async fn reserved_items_are_sold_and_return_when_the_order_ends() {
    let mut fixture = Fixture::new().await;
    for end in ENDS {
        // Two lines of one product count together.
        let order_id = fixture.place(&[(DRIPPER, 1), (CUP, 2), (CUP, 1)]).await;
        let reserved = fixture.probe.wait_for("inventory.reserved", order_id).await;
        assert_eq!(
            reserved.data,
            json!({ "orderId": order_id, "items": lines(&[(CUP, 3), (DRIPPER, 1)]) })
        );
        assert_eq!(reserved.metadata.correlation_id, order_id.to_string());
        assert_eq!(fixture.stock(CUP).await, stock(4997, 3, 0));

        fixture.publish("order.confirmed", order_id).await;
        fixture.wait_for_state(order_id, "sold").await;
        assert_eq!(fixture.stock(CUP).await, stock(4997, 0, 3));

        fixture.publish(end, order_id).await;
        let released = fixture.probe.wait_for("inventory.released", order_id).await;
        assert_eq!(released.data, reserved.data);
        assert_eq!(fixture.stock(CUP).await, stock(5000, 0, 0));

        assert_ended_for_good(&fixture, order_id).await;
        let again = fixture.probe.wait_for_nth("inventory.released", order_id, 2).await;
        assert_eq!(again.data, released.data);
    }
    fixture.assert_stock_adds_up().await;
}

/// Asserts that events after the end have no effect, except that a request for compensation is answered by a new event.
async fn assert_ended_for_good(fixture: &Fixture, order_id: Uuid) {
    let late = placed(order_id, &[(CUP, 3)]);
    fixture.probe.publish(&late).await;
    fixture.wait_for_inbox(&late).await;
    for event_type in [
        "order.confirmed",
        "order.failed",
        "order.cancelled",
        "order.compensation_requested",
    ] {
        let event = fixture.publish(event_type, order_id).await;
        fixture.wait_for_inbox(&event).await;
    }
    let published = fixture.published(order_id).await;
    assert_eq!(
        published,
        ["inventory.reserved", "inventory.released", "inventory.released"]
    );
    assert_eq!(fixture.stock(CUP).await, stock(5000, 0, 0));
}

#[tokio::test]
async fn reserved_items_are_released_when_the_order_ends() {
    let mut fixture = Fixture::new().await;
    for end in ENDS {
        let order_id = fixture.place(&[(CUP, 10)]).await;
        fixture.probe.wait_for("inventory.reserved", order_id).await;
        fixture.publish(end, order_id).await;
        let released = fixture.probe.wait_for("inventory.released", order_id).await;
        assert_eq!(released.data["items"], lines(&[(CUP, 10)]));
        assert_eq!(fixture.state(order_id).await.as_deref(), Some("released"));
        assert_eq!(fixture.stock(CUP).await, stock(5000, 0, 0));
    }
    fixture.assert_stock_adds_up().await;
}

#[tokio::test]
async fn a_rejected_order_is_never_confirmed_and_closes_when_it_ends() {
    let mut fixture = Fixture::new().await;
    let unknown = id::new();
    for end in ENDS {
        let order_id = fixture
            .place(&[(CUP, 1), (SOLD_OUT, 1), (LAST_PIECE, 2), (unknown, 4)])
            .await;
        let rejected = fixture.probe.wait_for("inventory.rejected", order_id).await;
        assert_eq!(rejected.data["reason"], "unknown_product");
        let missing = json!([
            { "productId": LAST_PIECE, "requested": 2, "available": 1 },
            { "productId": SOLD_OUT, "requested": 1, "available": 0 },
            { "productId": unknown, "requested": 4, "available": 0 },
        ]);
        assert_eq!(rejected.data["missing"], missing);
        assert_eq!(fixture.stock(CUP).await, stock(5000, 0, 0));

        let refused = fixture.publish("order.confirmed", order_id).await;
        assert!(fixture.wait_for_dead_letter(&refused).await.contains("never reserved"));

        fixture.publish(end, order_id).await;
        let released = fixture.probe.wait_for("inventory.released", order_id).await;
        assert_eq!(released.data, json!({ "orderId": order_id, "items": [] }));
        assert_eq!(fixture.state(order_id).await.as_deref(), Some("closed"));
    }
    fixture.assert_stock_adds_up().await;
}

#[tokio::test]
async fn an_order_that_ends_before_it_is_placed_stays_closed() {
    let mut fixture = Fixture::new().await;
    for end in ENDS {
        let order_id = id::new();
        let refused = fixture.publish("order.confirmed", order_id).await;
        fixture.wait_for_dead_letter(&refused).await;
        assert_eq!(fixture.state(order_id).await, None);

        fixture.publish(end, order_id).await;
        fixture.probe.wait_for("inventory.released", order_id).await;
        let late = placed(order_id, &[(CUP, 1)]);
        fixture.probe.publish(&late).await;
        fixture.wait_for_inbox(&late).await;
        assert_eq!(fixture.state(order_id).await.as_deref(), Some("closed"));
        fixture.publish("order.compensation_requested", order_id).await;
        let again = fixture.probe.wait_for_nth("inventory.released", order_id, 2).await;
        assert_eq!(again.data["items"], json!([]));
        assert_eq!(fixture.stock(CUP).await, stock(5000, 0, 0));
    }
    fixture.assert_stock_adds_up().await;
}

#[tokio::test]
async fn an_inactive_product_is_rejected() {
    let mut fixture = Fixture::new().await;
    sqlx::query("update products set active = false where id = $1")
        .bind(CUP)
        .execute(&fixture.service.database)
        .await
        .unwrap();
    let order_id = fixture.place(&[(CUP, 1)]).await;
    let rejected = fixture.probe.wait_for("inventory.rejected", order_id).await;
    assert_eq!(rejected.data["reason"], "inactive_product");
}

#[tokio::test]
async fn an_order_without_items_or_with_a_negative_quantity_is_a_dead_letter() {
    let fixture = Fixture::new().await;
    let empty = placed(id::new(), &[]);
    let mut negative = placed(id::new(), &[(CUP, 1)]);
    negative.data["items"][0]["quantity"] = json!(-1);
    for event in [empty, negative] {
        fixture.probe.publish(&event).await;
        fixture.wait_for_dead_letter(&event).await;
        assert_eq!(fixture.state(event.metadata.subject).await, None);
    }
}
