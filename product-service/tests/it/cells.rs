//! The cells of the table, through real messages.

use crate::support::{CUP, DRIPPER, LAST_PIECE, SOLD_OUT, Stock, World, lines, placed};
use serde_json::json;
use shared::id;
use uuid::Uuid;

const ENDS: [&str; 3] = ["order.failed", "order.cancelled", "order.compensation_requested"];

#[tokio::test]
async fn reserved_sold_and_returned() {
    let mut world = World::new().await;
    for end in ENDS {
        // Two lines of one product count together.
        let order_id = world.place(&[(DRIPPER, 1), (CUP, 2), (CUP, 1)]).await;
        let reserved = world.probe.wait_for("inventory.reserved", order_id).await;
        assert_eq!(
            reserved.data,
            json!({ "orderId": order_id, "items": lines(&[(CUP, 3), (DRIPPER, 1)]) })
        );
        assert_eq!(reserved.metadata.correlation_id, order_id.to_string());
        assert_eq!(
            world.stock(CUP).await,
            Stock {
                available: 4997,
                reserved: 3,
                sold: 0
            }
        );

        world.tell("order.confirmed", order_id).await;
        world.wait_for_state(order_id, "sold").await;
        assert_eq!(
            world.stock(CUP).await,
            Stock {
                available: 4997,
                reserved: 0,
                sold: 3
            }
        );

        world.tell(end, order_id).await;
        let released = world.probe.wait_for("inventory.released", order_id).await;
        assert_eq!(released.data, reserved.data);
        assert_eq!(
            world.stock(CUP).await,
            Stock {
                available: 5000,
                reserved: 0,
                sold: 0
            }
        );

        assert_nothing_changes_it(&world, order_id).await;
        let again = world.probe.wait_for_nth("inventory.released", order_id, 2).await;
        assert_eq!(again.data, released.data);
    }
    world.assert_stock_adds_up().await;
}

/// Once it is over, only a request for compensation is answered, by a new event.
async fn assert_nothing_changes_it(world: &World, order_id: Uuid) {
    let late = placed(order_id, &[(CUP, 3)]);
    world.probe.publish(&late).await;
    world.wait_for_inbox(&late).await;
    for event_type in [
        "order.confirmed",
        "order.failed",
        "order.cancelled",
        "order.compensation_requested",
    ] {
        let event = world.tell(event_type, order_id).await;
        world.wait_for_inbox(&event).await;
    }
    let published = world.published(order_id).await;
    assert_eq!(
        published,
        ["inventory.reserved", "inventory.released", "inventory.released"]
    );
    assert_eq!(
        world.stock(CUP).await,
        Stock {
            available: 5000,
            reserved: 0,
            sold: 0
        }
    );
}

#[tokio::test]
async fn reserved_and_released() {
    let mut world = World::new().await;
    for end in ENDS {
        let order_id = world.place(&[(CUP, 10)]).await;
        world.probe.wait_for("inventory.reserved", order_id).await;
        world.tell(end, order_id).await;
        let released = world.probe.wait_for("inventory.released", order_id).await;
        assert_eq!(released.data["items"], lines(&[(CUP, 10)]));
        assert_eq!(world.state(order_id).await.as_deref(), Some("released"));
        assert_eq!(
            world.stock(CUP).await,
            Stock {
                available: 5000,
                reserved: 0,
                sold: 0
            }
        );
    }
    world.assert_stock_adds_up().await;
}

#[tokio::test]
async fn rejected_and_closed() {
    let mut world = World::new().await;
    let unknown = id::new();
    for end in ENDS {
        let order_id = world
            .place(&[(CUP, 1), (SOLD_OUT, 1), (LAST_PIECE, 2), (unknown, 4)])
            .await;
        let rejected = world.probe.wait_for("inventory.rejected", order_id).await;
        assert_eq!(rejected.data["reason"], "unknown_product");
        let missing = json!([
            { "productId": LAST_PIECE, "requested": 2, "available": 1 },
            { "productId": SOLD_OUT, "requested": 1, "available": 0 },
            { "productId": unknown, "requested": 4, "available": 0 },
        ]);
        assert_eq!(rejected.data["missing"], missing);
        assert_eq!(
            world.stock(CUP).await,
            Stock {
                available: 5000,
                reserved: 0,
                sold: 0
            }
        );

        let impossible = world.tell("order.confirmed", order_id).await;
        assert!(world.wait_for_dead_letter(&impossible).await.contains("never reserved"));

        world.tell(end, order_id).await;
        let released = world.probe.wait_for("inventory.released", order_id).await;
        assert_eq!(released.data, json!({ "orderId": order_id, "items": [] }));
        assert_eq!(world.state(order_id).await.as_deref(), Some("closed"));
    }
    world.assert_stock_adds_up().await;
}

#[tokio::test]
async fn an_end_that_comes_first_closes_for_good() {
    let mut world = World::new().await;
    for end in ENDS {
        let order_id = id::new();
        let impossible = world.tell("order.confirmed", order_id).await;
        world.wait_for_dead_letter(&impossible).await;
        assert_eq!(world.state(order_id).await, None);

        world.tell(end, order_id).await;
        world.probe.wait_for("inventory.released", order_id).await;
        let late = placed(order_id, &[(CUP, 1)]);
        world.probe.publish(&late).await;
        world.wait_for_inbox(&late).await;
        assert_eq!(world.state(order_id).await.as_deref(), Some("closed"));
        world.tell("order.compensation_requested", order_id).await;
        let again = world.probe.wait_for_nth("inventory.released", order_id, 2).await;
        assert_eq!(again.data["items"], json!([]));
        assert_eq!(
            world.stock(CUP).await,
            Stock {
                available: 5000,
                reserved: 0,
                sold: 0
            }
        );
    }
    world.assert_stock_adds_up().await;
}

#[tokio::test]
async fn an_inactive_product_is_rejected() {
    let mut world = World::new().await;
    sqlx::query("update products set active = false where id = $1")
        .bind(CUP)
        .execute(&world.service.database)
        .await
        .unwrap();
    let order_id = world.place(&[(CUP, 1)]).await;
    let rejected = world.probe.wait_for("inventory.rejected", order_id).await;
    assert_eq!(rejected.data["reason"], "inactive_product");
}

#[tokio::test]
async fn what_makes_no_sense_is_a_dead_letter() {
    let world = World::new().await;
    let empty = placed(id::new(), &[]);
    let mut negative = placed(id::new(), &[(CUP, 1)]);
    negative.data["items"][0]["quantity"] = json!(-1);
    for event in [empty, negative] {
        world.probe.publish(&event).await;
        world.wait_for_dead_letter(&event).await;
        assert_eq!(world.state(event.metadata.subject).await, None);
    }
}
