//! Concurrent orders.

use crate::fixture::{CUP, DRIPPER, Fixture, LAST_PIECE, placed, stock};
use kernel::id;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use testkit::{TestService, eventually};
use uuid::Uuid;
use web::identity::Role;

async fn orders_in(fixture: &Fixture, state: &str) -> i64 {
    sqlx::query_scalar("select count(*) from reservations where state = $1")
        .bind(state)
        .fetch_one(&fixture.service.database)
        .await
        .unwrap()
}

/// Orders for the same products wait for each other at the lock. Without it they would fail at a constraint or in a
/// deadlock, and be retried until the attempts are used up.
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
async fn one_of_fifty_concurrent_orders_gets_the_last_piece() {
    let fixture = Fixture::new().await;
    let second = fixture.start_second().await;
    for _ in 0..50 {
        let event = placed(id::new(), &[(LAST_PIECE, 1)]);
        fixture.probe.publish(&event).await;
        fixture.probe.publish(&event).await;
    }
    eventually("50 decisions", || async {
        let decided = orders_in(&fixture, "reserved").await + orders_in(&fixture, "rejected").await;
        (decided == 50).then_some(())
    })
    .await;
    assert_eq!(orders_in(&fixture, "reserved").await, 1);
    assert_eq!(fixture.stock(LAST_PIECE).await, stock(0, 1, 0));
    for service in [&fixture.service, &second] {
        assert_nothing_was_retried(service).await;
    }
    fixture.assert_stock_adds_up().await;
    second.stop().await;
}

#[tokio::test]
async fn an_order_waits_for_the_lock_and_then_sees_the_remaining_stock() {
    let mut fixture = Fixture::new().await;
    let mut other = PgConnection::connect(&fixture.env.database_url).await.unwrap();
    sqlx::query("begin").execute(&mut other).await.unwrap();
    sqlx::query("update products set available = 0, reserved = 1 where id = $1")
        .bind(LAST_PIECE)
        .execute(&mut other)
        .await
        .unwrap();
    let order_id = fixture.place(&[(LAST_PIECE, 1)]).await;
    eventually("the order to wait for the lock", || async {
        let waiting = "select count(*) from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        let waiting = sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(&fixture.service.database)
            .await
            .unwrap();
        (waiting > 0).then_some(())
    })
    .await;
    sqlx::query("commit").execute(&mut other).await.unwrap();
    let rejected = fixture.probe.wait_for("inventory.rejected", order_id).await;
    assert_eq!(rejected.data["reason"], "out_of_stock");
    assert_nothing_was_retried(&fixture.service).await;
}

/// Every order for a product waits for its row.
#[tokio::test]
async fn a_product_is_not_locked_while_its_event_is_written() {
    let mut fixture = Fixture::new().await;
    let mut other = PgConnection::connect(&fixture.env.database_url).await.unwrap();
    sqlx::raw_sql("begin; lock table outbox in share mode")
        .execute(&mut other)
        .await
        .unwrap();
    let order_id = fixture.place(&[(CUP, 1)]).await;
    eventually("the order's event to wait for the outbox", || async {
        let waiting = "select count(*) from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock' and query like 'insert into outbox%'";
        let waiting: i64 = sqlx::query_scalar(waiting)
            .fetch_one(&fixture.service.database)
            .await
            .unwrap();
        (waiting > 0).then_some(())
    })
    .await;
    sqlx::query("select from products where id = $1 for update nowait")
        .bind(CUP)
        .execute(&fixture.service.database)
        .await
        .expect("the product is free");
    sqlx::query("commit").execute(&mut other).await.unwrap();
    fixture.probe.wait_for("inventory.reserved", order_id).await;
    assert_eq!(fixture.stock(CUP).await, stock(4999, 1, 0));
}

#[tokio::test]
async fn orders_with_the_same_products_in_opposite_order_do_not_deadlock() {
    let fixture = Fixture::new().await;
    let second = fixture.start_second().await;
    let orders: Vec<Uuid> = (0..60).map(|_| id::new()).collect();
    for (number, order_id) in orders.iter().enumerate() {
        let items = if number % 2 == 0 {
            [(CUP, 1), (DRIPPER, 2)]
        } else {
            [(DRIPPER, 2), (CUP, 1)]
        };
        fixture.probe.publish(&placed(*order_id, &items)).await;
    }
    eventually("60 reservations", || async {
        (orders_in(&fixture, "reserved").await == 60).then_some(())
    })
    .await;
    assert_eq!(fixture.stock(DRIPPER).await, stock(4880, 120, 0));
    for order_id in &orders {
        fixture.publish("order.cancelled", *order_id).await;
    }
    eventually("60 releases", || async {
        (orders_in(&fixture, "released").await == 60).then_some(())
    })
    .await;
    assert_eq!(fixture.stock(CUP).await, stock(5000, 0, 0));
    for service in [&fixture.service, &second] {
        assert_nothing_was_retried(service).await;
    }
    fixture.assert_stock_adds_up().await;
    second.stop().await;
}

#[tokio::test]
async fn concurrent_restocking_and_orders_both_count() {
    let fixture = Fixture::new().await;
    let admin = fixture.env.identity(id::new(), Role::Admin);
    for _ in 0..20 {
        fixture.place(&[(CUP, 1)]).await;
        let restock = fixture.patch(CUP, &admin, &json!({ "stockDelta": 10 }));
        assert_eq!(restock.send().await.unwrap().status(), 200);
    }
    eventually("20 reservations", || async {
        (orders_in(&fixture, "reserved").await == 20).then_some(())
    })
    .await;
    assert_eq!(fixture.stock(CUP).await, stock(5180, 20, 0));
    fixture.assert_stock_adds_up().await;
}

#[tokio::test]
async fn the_ledger_is_append_only() {
    let fixture = Fixture::new().await;
    for statement in [
        "delete from stock_movements",
        "update stock_movements set quantity = quantity + 1",
    ] {
        let refused = sqlx::query(statement)
            .execute(&fixture.service.database)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}
