//! Many orders at once.

use crate::support::{CUP, DRIPPER, LAST_PIECE, Stock, World, placed, start_service};
use reqwest::Method;
use serde_json::json;
use shared::{
    id,
    identity::IDENTITY_HEADER,
    identity::Role,
    testing::{TestService, eventually},
};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

async fn orders_in(world: &World, state: &str) -> i64 {
    sqlx::query_scalar("select count(*) from reservations where state = $1")
        .bind(state)
        .fetch_one(&world.service.database)
        .await
        .unwrap()
}

/// Orders for the same products take turns at the lock. Without it they would fail at a constraint or a deadlock and be
/// tried again, until the tries are used up.
async fn assert_nothing_was_retried(service: &TestService) {
    let status = service.status().await;
    let counters = &status["consumer"];
    assert_eq!(
        (&counters["retried"], &counters["deadLettered"]),
        (&json!(0), &json!(0)),
        "{status}"
    );
}

#[tokio::test]
async fn fifty_orders_for_the_last_piece_reserve_it_once() {
    let world = World::new().await;
    let second = start_service(&world.bed).await;
    for _ in 0..50 {
        let event = placed(id::new(), &[(LAST_PIECE, 1)]);
        world.probe.publish(&event).await;
        world.probe.publish(&event).await;
    }
    eventually("50 decisions", || async {
        let decided = orders_in(&world, "reserved").await + orders_in(&world, "rejected").await;
        (decided == 50).then_some(())
    })
    .await;
    assert_eq!(orders_in(&world, "reserved").await, 1);
    assert_eq!(
        world.stock(LAST_PIECE).await,
        Stock {
            available: 0,
            reserved: 1,
            sold: 0
        }
    );
    for service in [&world.service, &second] {
        assert_nothing_was_retried(service).await;
    }
    world.assert_stock_adds_up().await;
    second.stop().await;
}

#[tokio::test]
async fn an_order_waits_for_the_one_before_it_and_then_sees_what_is_left() {
    let mut world = World::new().await;
    let mut other = PgConnection::connect(&world.bed.database_url).await.unwrap();
    sqlx::query("begin").execute(&mut other).await.unwrap();
    sqlx::query("update products set available = 0, reserved = 1 where id = $1")
        .bind(LAST_PIECE)
        .execute(&mut other)
        .await
        .unwrap();
    let order_id = world.place(&[(LAST_PIECE, 1)]).await;
    eventually("the order to wait for the lock", || async {
        let waiting = "select count(*) from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        let waiting = sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(&world.service.database)
            .await
            .unwrap();
        (waiting > 0).then_some(())
    })
    .await;
    sqlx::query("commit").execute(&mut other).await.unwrap();
    let rejected = world.probe.wait_for("inventory.rejected", order_id).await;
    assert_eq!(rejected.data["reason"], "out_of_stock");
    assert_nothing_was_retried(&world.service).await;
}

#[tokio::test]
async fn orders_for_the_same_products_in_either_order_do_not_block_each_other() {
    let world = World::new().await;
    let second = start_service(&world.bed).await;
    let orders: Vec<Uuid> = (0..60).map(|_| id::new()).collect();
    for (number, order_id) in orders.iter().enumerate() {
        let items = if number % 2 == 0 {
            [(CUP, 1), (DRIPPER, 2)]
        } else {
            [(DRIPPER, 2), (CUP, 1)]
        };
        world.probe.publish(&placed(*order_id, &items)).await;
    }
    eventually("60 reservations", || async {
        (orders_in(&world, "reserved").await == 60).then_some(())
    })
    .await;
    assert_eq!(
        world.stock(DRIPPER).await,
        Stock {
            available: 4880,
            reserved: 120,
            sold: 0
        }
    );
    for order_id in &orders {
        world.tell("order.cancelled", *order_id).await;
    }
    eventually("60 releases", || async {
        (orders_in(&world, "released").await == 60).then_some(())
    })
    .await;
    assert_eq!(
        world.stock(CUP).await,
        Stock {
            available: 5000,
            reserved: 0,
            sold: 0
        }
    );
    for service in [&world.service, &second] {
        assert_nothing_was_retried(service).await;
    }
    world.assert_stock_adds_up().await;
    second.stop().await;
}

#[tokio::test]
async fn restocking_while_orders_come_in_loses_neither() {
    let world = World::new().await;
    let admin = world.bed.identity(id::new(), Role::Admin);
    for _ in 0..20 {
        world.place(&[(CUP, 1)]).await;
        let path = format!("/api/products/{CUP}");
        let request = world
            .service
            .request(Method::PATCH, &path)
            .header(IDENTITY_HEADER, &admin);
        let answer = request.json(&json!({ "stockDelta": 10 })).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    eventually("20 reservations", || async {
        (orders_in(&world, "reserved").await == 20).then_some(())
    })
    .await;
    assert_eq!(
        world.stock(CUP).await,
        Stock {
            available: 5180,
            reserved: 20,
            sold: 0
        }
    );
    world.assert_stock_adds_up().await;
}

#[tokio::test]
async fn the_ledger_cannot_be_rewritten() {
    let world = World::new().await;
    for statement in [
        "delete from stock_movements",
        "update stock_movements set quantity = quantity + 1",
    ] {
        let refused = sqlx::query(statement)
            .execute(&world.service.database)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}
