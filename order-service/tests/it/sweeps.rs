//! What happens by the clock: the deadline, its suspension, and asking again for a compensation.

use crate::support::{Placed, World};
use rabbitmq::Topology;
use serde_json::Value;
use shared::testing::{eventually, variable};

/// Makes an order old enough for a deadline of an hour, instead of waiting.
async fn age(world: &World, placed: &Placed, seconds: i32) {
    let sql = "update orders set placed_at = placed_at - make_interval(secs => $2),
        compensation_asked_at = compensation_asked_at - make_interval(secs => $2) where id = $1";
    sqlx::query(sql)
        .bind(placed.id)
        .bind(f64::from(seconds))
        .execute(&world.service.database)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_fails_open_orders_and_no_others() {
    let mut world = World::new().await;
    let waiting = world.place().await;
    let paid = world.place().await;
    world.tell("payment.completed", paid.id).await;
    world.probe.wait_for("order.payment_received", paid.id).await;
    let confirmed = world.confirmed().await;
    let young = world.place().await;
    for placed in [&waiting, &paid, &confirmed] {
        age(&world, placed, 3601).await;
    }
    for placed in [&waiting, &paid] {
        let failed = world.probe.wait_for("order.failed", placed.id).await;
        assert_eq!(failed.data["reason"], "deadline");
        let story = world
            .probe
            .wait_for("order.placed", placed.id)
            .await
            .metadata
            .correlation_id;
        assert_eq!(failed.metadata.correlation_id, story);
    }
    assert_eq!(world.order(&confirmed).await["status"], "confirmed");
    assert_eq!(world.order(&young).await["status"], "placed");
    let report = world.service.status().await["saga"].clone();
    assert_eq!(report["byStatus"], serde_json::json!({ "failed": 2, "placed": 1 }));
    assert_eq!(
        (&report["compensationsPending"], &report["compensationsOverdue"]),
        (&2.into(), &0.into())
    );
    assert!(report["oldestOpenS"].as_f64().unwrap() < 60.0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overdue_compensation_is_asked_for_again_and_again_ever_more_slowly() {
    let mut world = World::with_timing(3600, 600).await;
    let placed = world.place().await;
    assert_eq!(world.act(&placed, "cancel", &placed.identity).await.status(), 200);
    for (attempt, wait_s) in [(1, 601), (2, 1201), (3, 2401)] {
        // Not yet due at a quarter of the time; due a moment after it.
        age(&world, &placed, wait_s / 4).await;
        let overdue = world.service.status().await["saga"]["compensationsOverdue"].clone();
        assert_eq!(overdue, i64::from(attempt > 1), "{attempt}");
        assert_eq!(asked(&world, &placed).await, attempt - 1);
        age(&world, &placed, wait_s - wait_s / 4).await;
        let nth = usize::try_from(attempt).unwrap();
        let again = world
            .probe
            .wait_for_nth("order.compensation_requested", placed.id, nth)
            .await;
        assert_eq!(
            (&again.data["attempt"], &again.data["status"]),
            (&attempt.into(), &"cancelled".into())
        );
    }
    let report = world.service.status().await["saga"].clone();
    assert_eq!(
        (&report["compensationsOverdue"], &report["compensationAsks"]),
        (&1.into(), &3.into())
    );
    world.tell("payment.voided", placed.id).await;
    world.tell("inventory.released", placed.id).await;
    world.until(&placed, "compensation", "done").await;
    let report = world.service.status().await["saga"].clone();
    assert_eq!(
        (&report["compensationsPending"], &report["compensationsOverdue"]),
        (&0.into(), &0.into())
    );
    assert_eq!(report["oldestCompensationS"], Value::Null);
}

async fn asked(world: &World, placed: &Placed) -> i64 {
    let written = world.written(placed.id).await;
    let asked = written
        .iter()
        .filter(|event| *event == "order.compensation_requested")
        .count();
    i64::try_from(asked).unwrap()
}

/// While this service cannot hear the answers, no deadline passes; when it has heard what waited, it does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_is_suspended_while_the_consumer_is_away() {
    let mut world = World::with_timing(3600, 600).await;
    let answered = world.place().await;
    let unanswered = world.place().await;
    let sign_of_life = world.place().await;
    assert_eq!(
        world
            .act(&sign_of_life, "cancel", &sign_of_life.identity)
            .await
            .status(),
        200
    );

    delete_queue(&world).await;
    eventually("the consumer to be disconnected", || async {
        let status = world.service.status().await;
        (status["consumer"]["state"] == "disconnected").then_some(())
    })
    .await;
    age(&world, &answered, 3601).await;
    age(&world, &unanswered, 3601).await;
    // The sweeper is alive meanwhile, and has looked at the clock twice at least since the deadline passed.
    for (nth, wait_s) in [(1, 601), (2, 1201)] {
        age(&world, &sign_of_life, wait_s).await;
        world
            .probe
            .wait_for_nth("order.compensation_requested", sign_of_life.id, nth)
            .await;
    }
    for placed in [&answered, &unanswered] {
        assert_eq!(world.order(placed).await["status"], "placed");
    }

    let topology = Topology::load()
        .unwrap()
        .only(&["order-queue"])
        .with_retry_delays_ms(&[100, 300]);
    world.bed.broker.apply(&topology, None).await.unwrap();
    world.tell("payment.completed", answered.id).await;
    world.tell("inventory.reserved", answered.id).await;
    world.probe.wait_for("order.confirmed", answered.id).await;
    world.probe.wait_for("order.failed", unanswered.id).await;
    assert_eq!(world.order(&answered).await["status"], "confirmed");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the broker's operator is not a service of ours"
)]
async fn delete_queue(world: &World) {
    let vhost = world.bed.rabbitmq_url.rsplit_once('/').unwrap().1;
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
    let mut world = World::new().await;
    let second = world.another_instance().await;
    let mut first_half = Vec::new();
    for _ in 0..10 {
        first_half.push(world.place().await);
    }
    for placed in &first_half {
        age(&world, placed, 3601).await;
    }
    for placed in &first_half {
        world.probe.wait_for("order.failed", placed.id).await;
    }
    let survivor_sees = world.place().await;
    let first = std::mem::replace(&mut world.service, second);
    first.stop().await;
    age(&world, &survivor_sees, 3601).await;
    world.probe.wait_for("order.failed", survivor_sees.id).await;
    first_half.push(survivor_sees);
    for placed in &first_half {
        assert_eq!(world.written(placed.id).await, ["order.placed", "order.failed"]);
    }
}
