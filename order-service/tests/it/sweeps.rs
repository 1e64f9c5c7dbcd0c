//! Sweeps: the deadline, its suspension, and repeated asks for a compensation.

use crate::fixture::{Fixture, Placed};
use rabbitmq::Topology;
use serde_json::Value;
use testkit::{eventually, variable};

/// Makes an order old enough for a deadline of an hour, instead of waiting.
async fn age(fixture: &Fixture, placed: &Placed, seconds: i32) {
    let sql = "update orders set placed_at = placed_at - make_interval(secs => $2),
        compensation_asked_at = compensation_asked_at - make_interval(secs => $2) where id = $1";
    sqlx::query(sql)
        .bind(placed.id)
        .bind(f64::from(seconds))
        .execute(&fixture.service.database)
        .await
        .unwrap();
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
    for placed in [&waiting, &paid, &confirmed] {
        age(&fixture, placed, 3601).await;
    }
    for placed in [&waiting, &paid] {
        let failed = fixture.probe.wait_for("order.failed", placed.id).await;
        assert_eq!(failed.data["reason"], "deadline");
        let story = fixture
            .probe
            .wait_for("order.placed", placed.id)
            .await
            .metadata
            .correlation_id;
        assert_eq!(failed.metadata.correlation_id, story);
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

/// No deadline passes while the consumer is disconnected, nor before it has consumed the waiting answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_is_suspended_while_the_consumer_is_disconnected() {
    let mut fixture = Fixture::with_timing(3600, 600).await;
    let answered = fixture.place().await;
    let unanswered = fixture.place().await;
    let sign_of_life = fixture.place().await;
    assert_eq!(
        fixture
            .act(&sign_of_life, "cancel", &sign_of_life.identity)
            .await
            .status(),
        200
    );

    delete_queue(&fixture).await;
    eventually("the consumer to be disconnected", || async {
        let status = fixture.service.status().await;
        (status["consumer"]["state"] == "disconnected").then_some(())
    })
    .await;
    age(&fixture, &answered, 3601).await;
    age(&fixture, &unanswered, 3601).await;
    // The sweeper is alive meanwhile, and has looked at the clock twice at least since the deadline passed.
    for (nth, wait_s) in [(1, 601), (2, 1201)] {
        age(&fixture, &sign_of_life, wait_s).await;
        fixture
            .probe
            .wait_for_nth("order.compensation_requested", sign_of_life.id, nth)
            .await;
    }
    for placed in [&answered, &unanswered] {
        assert_eq!(fixture.order(placed).await["status"], "placed");
    }

    let topology = Topology::load()
        .unwrap()
        .only(&["order-queue"])
        .with_retry_delays_ms(&[100, 300]);
    fixture.env.broker.apply(&topology, None).await.unwrap();
    fixture.publish("payment.completed", answered.id).await;
    fixture.publish("inventory.reserved", answered.id).await;
    fixture.probe.wait_for("order.confirmed", answered.id).await;
    fixture.probe.wait_for("order.failed", unanswered.id).await;
    assert_eq!(fixture.order(&answered).await["status"], "confirmed");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the broker's operator is not a service of ours"
)]
async fn delete_queue(fixture: &Fixture) {
    let vhost = fixture.env.rabbitmq_url.rsplit_once('/').unwrap().1;
    let url = format!(
        "{}/api/queues/{vhost}/order-queue",
        variable("TEST_RABBITMQ_MANAGEMENT_URL")
    );
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.delete(url).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
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
        age(&fixture, placed, 3601).await;
    }
    for placed in &first_half {
        fixture.probe.wait_for("order.failed", placed.id).await;
    }
    let survivor_sees = fixture.place().await;
    let first = std::mem::replace(&mut fixture.service, second);
    first.stop().await;
    age(&fixture, &survivor_sees, 3601).await;
    fixture.probe.wait_for("order.failed", survivor_sees.id).await;
    first_half.push(survivor_sees);
    for placed in &first_half {
        assert_eq!(fixture.written(placed.id).await, ["order.placed", "order.failed"]);
    }
}
