//! Sweeps: the deadline, and repeated asks for a compensation.

use crate::fixture::{Fixture, Placed};
use order_service::store::{clock::Steps, sweeps};
use serde_json::Value;
use sqlx::PgConnection;
use std::time::Duration;
use testkit::eventually;
use uuid::Uuid;

/// Moves the deadline and the compensation of an order into the past, instead of waiting.
async fn age(fixture: &Fixture, placed: &Placed, seconds: i32) {
    let sql = "update orders set deadline_ms = deadline_ms - $2 * 1000,
        compensation_asked_at = compensation_asked_at - make_interval(secs => $2),
        compensation_next_ask_at = compensation_next_ask_at - make_interval(secs => $2) where id = $1";
    sqlx::query(sql)
        .bind(placed.id)
        .bind(f64::from(seconds))
        .execute(&fixture.service.database)
        .await
        .unwrap();
}

/// Waits until the deadline of an order has begun, which it does when its event is published.
async fn until_begun(fixture: &Fixture, placed: &Placed) {
    eventually("the deadline to begin", || async {
        let begun = sqlx::query_scalar("select deadline_ms is not null from orders where id = $1").bind(placed.id);
        let begun: bool = begun.fetch_one(&fixture.service.database).await.unwrap();
        begun.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_fails_open_orders_and_no_others() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.place().await;
    let paid = fixture.place().await;
    fixture.publish("payment.completed", paid.id).await;
    fixture.probe.wait_for("order.payment_received", paid.id).await;
    let confirmed = fixture.confirmed().await;
    let young = fixture.place().await;
    for placed in [&waiting, &paid, &young] {
        until_begun(&fixture, placed).await;
    }
    for placed in [&waiting, &paid, &confirmed] {
        age(&fixture, placed, 3700).await;
    }
    for placed in [&waiting, &paid] {
        let failed = fixture.probe.wait_for("order.failed", placed.id).await;
        assert_eq!(failed.data["reason"], "deadline");
        let story = fixture.probe.wait_for("order.placed", placed.id).await.metadata;
        assert_eq!(failed.metadata.correlation_id, story.correlation_id);
    }
    assert_eq!(fixture.order(&confirmed).await["status"], "confirmed");
    assert_eq!(fixture.order(&young).await["status"], "placed");
    let report = fixture.service.status().await["saga"].clone();
    assert_eq!(report["byStatus"], serde_json::json!({ "failed": 2, "placed": 1 }));
    assert_eq!(
        (&report["compensationsPending"], &report["compensationsOverdue"]),
        (&2.into(), &0.into())
    );
    assert!(report["oldestOpenS"].as_f64().unwrap() < 60.0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overdue_compensation_is_requested_again_with_a_growing_delay() {
    let mut fixture = Fixture::with_timing(3600, 600).await;
    let placed = fixture.place().await;
    assert_eq!(fixture.act(&placed, "cancel", &placed.identity).await.status(), 200);
    for (attempt, wait_s) in [(1, 601), (2, 1201), (3, 2401)] {
        // Not yet due at a quarter of the time; due a moment after it.
        age(&fixture, &placed, wait_s / 4).await;
        let overdue = fixture.service.status().await["saga"]["compensationsOverdue"].clone();
        assert_eq!(overdue, i64::from(attempt > 1), "{attempt}");
        assert_eq!(asked(&fixture, &placed).await, attempt - 1);
        age(&fixture, &placed, wait_s - wait_s / 4).await;
        let nth = usize::try_from(attempt).unwrap();
        let again = fixture
            .probe
            .wait_for_nth("order.compensation_requested", placed.id, nth)
            .await;
        assert_eq!(
            (&again.data["attempt"], &again.data["status"]),
            (&attempt.into(), &"cancelled".into())
        );
    }
    let report = fixture.service.status().await["saga"].clone();
    assert_eq!(
        (&report["compensationsOverdue"], &report["compensationAsks"]),
        (&1.into(), &3.into())
    );
    fixture.publish("payment.voided", placed.id).await;
    fixture.publish("inventory.released", placed.id).await;
    fixture.until(&placed, "compensation", "done").await;
    let report = fixture.service.status().await["saga"].clone();
    assert_eq!(
        (&report["compensationsPending"], &report["compensationsOverdue"]),
        (&0.into(), &0.into())
    );
    assert_eq!(report["oldestCompensationS"], Value::Null);
}

async fn asked(fixture: &Fixture, placed: &Placed) -> i64 {
    let written = fixture.written(placed.id).await;
    let asked = written
        .iter()
        .filter(|event| *event == "order.compensation_requested")
        .count();
    i64::try_from(asked).unwrap()
}

/// Two instances sweep no order twice, and when the leader stops the other takes over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_instance_sweeps_and_another_takes_over() {
    let mut fixture = Fixture::new().await;
    let second = fixture.another_instance().await;
    let mut first_half = Vec::new();
    for _ in 0..10 {
        first_half.push(fixture.place().await);
    }
    for placed in &first_half {
        until_begun(&fixture, placed).await;
        age(&fixture, placed, 3700).await;
    }
    for placed in &first_half {
        fixture.probe.wait_for("order.failed", placed.id).await;
    }
    let survivor_sees = fixture.place().await;
    let first = std::mem::replace(&mut fixture.service, second);
    first.stop().await;
    until_begun(&fixture, &survivor_sees).await;
    age(&fixture, &survivor_sees, 3700).await;
    fixture.probe.wait_for("order.failed", survivor_sees.id).await;
    first_half.push(survivor_sees);
    for placed in &first_half {
        assert_eq!(fixture.written(placed.id).await, ["order.placed", "order.failed"]);
    }
}

/// What a sweep causes is caused by the event that was not answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_of_a_sweep_name_the_event_that_was_not_answered() {
    let mut fixture = Fixture::with_timing(3600, 600).await;
    let order = fixture.place().await;
    until_begun(&fixture, &order).await;
    age(&fixture, &order, 3700).await;
    let placed = fixture.probe.wait_for("order.placed", order.id).await;
    let failed = fixture.probe.wait_for("order.failed", order.id).await;
    assert_eq!(failed.metadata.causation_id, placed.metadata.event_id.to_string());
    age(&fixture, &order, 601).await;
    let asked = fixture.probe.wait_for("order.compensation_requested", order.id).await;
    assert_eq!(asked.metadata.causation_id, failed.metadata.event_id.to_string());
}

/// However many orders are open or wait for a participant, a look at what is due reads few of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_at_what_is_due_reads_few_rows() {
    let fixture = Fixture::new().await;
    let mut session = fixture.service.database.acquire().await.unwrap();
    let db = &mut *session;
    sqlx::raw_sql("begin").execute(&mut *db).await.unwrap();
    fill(db).await;
    let before = rows_read(db).await;
    assert!(sweeps::lock_past_deadline(db).await.unwrap().is_empty());
    assert!(sweeps::lock_overdue_compensations(db).await.unwrap().is_empty());
    assert_eq!(sweeps::schedule_asks(db, Duration::from_mins(1)).await.unwrap(), 0);
    assert_eq!(
        sweeps::begin_deadlines(db, None, Duration::from_mins(15))
            .await
            .unwrap(),
        None
    );
    let read = rows_read(db).await - before;
    assert!(read < 20, "{read} rows to find nothing");

    let before = rows_read(db).await;
    let report = sweeps::report(db, Duration::from_mins(1), Steps::of(Duration::from_mins(15)))
        .await
        .unwrap();
    assert_eq!(
        (report.by_status["placed"], report.compensations_pending),
        (10_000, 10_000)
    );
    let read = rows_read(db).await - before;
    assert!(read < 20_100, "{read} rows for the status page");
}

/// Inserts 50,000 open orders and as many pending compensations, none of which is due.
async fn fill(db: &mut PgConnection) {
    let columns =
        "insert into orders (id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor,
        currency, correlation_id, deadline_ms, closed_at, compensation_asked_at, compensation_next_ask_at)";
    let open =
        "select gen_random_uuid(), gen_random_uuid(), 'placed', 'none', 'none', 'none', null, 'pm_ok', 1, 'EUR', 'c',
        900000 + n, null, null, null from generate_series(1, 50000) as n";
    let pending = "select gen_random_uuid(), gen_random_uuid(), 'failed', 'captured', 'reserved', 'pending', 'deadline', 'pm_ok', 1,
        'EUR', 'c', 1, now(), now(), now() + make_interval(secs => 60 + n) from generate_series(1, 50000) as n";
    for rows in [open, pending] {
        let insert = sqlx::AssertSqlSafe(format!("{columns} {rows}"));
        sqlx::query(insert).execute(&mut *db).await.unwrap();
    }
    sqlx::query("analyze orders").execute(db).await.unwrap();
}

/// The rows of `orders` that this transaction has read.
async fn rows_read(db: &mut PgConnection) -> i64 {
    let sql = "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relname = 'orders'";
    sqlx::query_scalar(sql).fetch_one(db).await.unwrap()
}

/// A few hundred due orders are not swept one transaction each, and deadlines pass meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_overdue_compensations_do_not_delay_a_deadline() {
    let mut fixture = Fixture::new().await;
    let order = fixture.place().await;
    until_begun(&fixture, &order).await;
    let due: Vec<Uuid> = sqlx::query_scalar(
        "insert into orders (id, user_id, status, payment, stock, compensation, reason, payment_method, total_minor, currency,
            correlation_id, closed_at, compensation_asked_at)
         select gen_random_uuid(), gen_random_uuid(), 'failed', 'captured', 'reserved', 'pending', 'deadline', 'pm_ok', 1, 'EUR', 'c',
            now(), now() - interval '3 h' from generate_series(1, 450) returning id",
    )
    .fetch_all(&fixture.service.database)
    .await
    .unwrap();
    age(&fixture, &order, 3700).await;
    fixture.probe.wait_for("order.failed", order.id).await;
    eventually("every compensation to be requested again", || async {
        let sql = "select count(*) from orders where id = any($1) and compensation_asks = 1";
        let asked: i64 = sqlx::query_scalar(sql)
            .bind(&due)
            .fetch_one(&fixture.service.database)
            .await
            .unwrap();
        (asked == 450).then_some(())
    })
    .await;
}
