//! The deadline counts the time in which an answer could come: not that in which no participant was asked, nor that in which no answer
//! could arrive.

use crate::fixture::{Fixture, Placed};
use chrono::TimeDelta;
use fault_proxy::LinkFault;
use rabbitmq::Topology;
use serde_json::Value;
use sqlx::PgPool;
use std::{
    cell::Cell,
    time::{Duration, Instant},
};
use testkit::{TestEnv, eventually, variable};
use uuid::Uuid;

/// Waits until an order has existed for this time, on the database's clock.
async fn until_older(database: &PgPool, placed: &Placed, seconds: u32) {
    eventually("time to pass", || async {
        let sql = "select clock_timestamp() - placed_at > make_interval(secs => $2) from orders where id = $1";
        let query = sqlx::query_scalar(sql).bind(placed.id).bind(f64::from(seconds));
        let passed: bool = query.fetch_one(database).await.unwrap();
        passed.then_some(())
    })
    .await;
}

async fn confirm(fixture: &mut Fixture, placed: &Placed) {
    fixture.publish("payment.completed", placed.id).await;
    fixture.publish("inventory.reserved", placed.id).await;
    fixture.probe.wait_for("order.confirmed", placed.id).await;
}

async fn until_clock_is(fixture: &Fixture, state: &str) -> Value {
    eventually(&format!("the clock to be {state}"), || async {
        let clock = fixture.service.status().await["saga"]["clock"].clone();
        (clock["state"] == state).then_some(clock)
    })
    .await
}

/// While an alarm blocks the broker or the relay does not work, no participant is asked, however old the order is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_deadline_passes_for_an_order_that_nobody_was_told_of() {
    let env = TestEnv::new(&["order-queue"]).await;
    let session = PgPool::connect(&env.database_url).await.unwrap();
    let mut lock = session.acquire().await.unwrap();
    let relay = "select pg_advisory_lock(hashtextextended('relay', 0))";
    sqlx::query(relay).execute(&mut *lock).await.unwrap();
    let url = env.rabbitmq_url.clone();
    let mut fixture = Fixture::in_env(env, url, 3600, 600).await;
    let (_, identity) = fixture.customer();
    let untold = fixture.place_unheard(&identity).await;
    let sign_of_life = fixture.place_unheard(&identity).await;
    assert_eq!(fixture.act(&sign_of_life, "cancel", &identity).await.status(), 200);
    make_old(&fixture, untold.id, "placed_at = placed_at - interval '2 h'").await;
    // The sweeper is alive meanwhile, and has looked at the clock twice at least.
    for asks in 1..=2 {
        let due = "compensation_asked_at = now() - interval '2 h', compensation_next_ask_at = null";
        make_old(&fixture, sign_of_life.id, due).await;
        eventually("the compensation to be requested again", || async {
            let asked = fixture.written(sign_of_life.id).await;
            (asked.len() == 2 + asks).then_some(())
        })
        .await;
    }
    until_older(&fixture.service.database, &sign_of_life, 8).await;
    assert_eq!(fixture.written(untold.id).await, ["order.placed"]);
    let standing = until_clock_is(&fixture, "standing").await;
    assert!(
        standing["tickAgeS"].as_f64().is_some_and(|age_s| age_s > 1.0),
        "{standing}"
    );

    drop(lock);
    session.close().await;
    confirm(&mut fixture, &untold).await;
}

async fn make_old(fixture: &Fixture, id: Uuid, change: &str) {
    let sql = sqlx::AssertSqlSafe(format!("update orders set {change} where id = $1"));
    sqlx::query(sql)
        .bind(id)
        .execute(&fixture.service.database)
        .await
        .unwrap();
}

/// An outage longer than the deadline fails no order that is answered in time afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_broker_is_not_counted() {
    let (mut fixture, link) = Fixture::behind_link(6).await;
    let answered_meanwhile = fixture.place().await;
    let unanswered = fixture.place().await;
    link.set(LinkFault::Cut);
    link.reset();
    fixture.publish("payment.completed", answered_meanwhile.id).await;
    fixture.publish("inventory.reserved", answered_meanwhile.id).await;
    let placed_meanwhile = fixture.place_unheard(&unanswered.identity).await;
    let standing = until_clock_is(&fixture, "standing").await;
    assert!(
        standing["standingSince"].is_string() && standing["reason"].is_string(),
        "{standing}"
    );
    until_older(&fixture.service.database, &placed_meanwhile, 10).await;

    link.set(LinkFault::None);
    fixture.probe.wait_for("order.placed", placed_meanwhile.id).await;
    fixture.probe.wait_for("order.confirmed", answered_meanwhile.id).await;
    // What the participants need: less than the deadline, counted from the event.
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    confirm(&mut fixture, &placed_meanwhile).await;
    fixture.probe.wait_for("order.failed", unanswered.id).await;
    for placed in [&answered_meanwhile, &placed_meanwhile] {
        assert_eq!(fixture.order(placed).await["status"], "confirmed");
    }
    let idle = until_clock_is(&fixture, "idle").await;
    assert_eq!(idle["tickAgeS"], 0.0, "{idle}");
}

/// The queue is gone, so no answer can come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_without_a_queue_is_not_counted() {
    let mut fixture = Fixture::with_timing(3, 3600).await;
    let answered = fixture.place().await;
    let unanswered = fixture.place().await;
    delete_queue(&fixture).await;
    until_older(&fixture.service.database, &unanswered, 8).await;
    for placed in [&answered, &unanswered] {
        assert_eq!(fixture.order(placed).await["status"], "placed");
    }
    let topology = Topology::load()
        .unwrap()
        .only(&["order-queue"])
        .with_retry_delays_ms(&[100, 300]);
    fixture.env.broker.apply(&topology, None).await.unwrap();
    confirm(&mut fixture, &answered).await;
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

/// The instance that sweeps has lost the broker, and another consumes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlines_pass_while_any_instance_consumes() {
    let (mut fixture, link) = Fixture::behind_link(2).await;
    let other = fixture.another_instance().await;
    link.set(LinkFault::Cut);
    link.reset();
    let (_, identity) = fixture.customer();
    let order = fixture.place_unheard(&identity).await;
    until_relayed(&other.database).await;
    fixture.probe.wait_for("order.failed", order.id).await;
    assert_eq!(fixture.service.status().await["consumer"]["state"], "disconnected");
}

/// Waits until a relay that can reach the broker leads: every 3 s the session of the leader is ended, and another is elected.
async fn until_relayed(database: &PgPool) {
    let end = "select pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid)
        where locktype = 'advisory' and granted and datname = current_database()
            and (classid::bigint << 32 | objid::bigint) = hashtextextended('relay', 0)";
    let ended_at = Cell::new(Instant::now());
    eventually("the order to be relayed", || async {
        let waiting = sqlx::query_scalar("select count(*) from outbox where event_type = 'order.placed'");
        let waiting: i64 = waiting.fetch_one(database).await.unwrap();
        if ended_at.get().elapsed() > Duration::from_secs(3) {
            sqlx::query(end).execute(database).await.unwrap();
            ended_at.set(Instant::now());
        }
        (waiting == 0).then_some(())
    })
    .await;
}

/// A participant whose clock is slow, one of whose answers is in hand for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_participants_clock_has_no_influence() {
    let mut fixture = Fixture::with_timing(2, 3600).await;
    let locked = fixture.place().await;
    let mut session = fixture.service.database.acquire().await.unwrap();
    sqlx::raw_sql("begin").execute(&mut *session).await.unwrap();
    let lock = sqlx::query("select 1 from orders where id = $1 for update").bind(locked.id);
    lock.execute(&mut *session).await.unwrap();
    let answer = crate::fixture::participant_event("payment.completed", locked.id);
    let slow = kernel::clock::now() - TimeDelta::minutes(10);
    fixture.probe.publish_at(&answer, slow).await;
    eventually("the answer to be in hand", || async {
        let status = fixture.service.status().await;
        (status["consumer"]["inFlight"].as_u64()? > 0).then_some(())
    })
    .await;
    let unanswered = fixture.place().await;
    fixture.probe.wait_for("order.failed", unanswered.id).await;
    sqlx::raw_sql("rollback").execute(&mut *session).await.unwrap();
}

/// The clock goes on from where it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_does_not_lose_the_clock() {
    let mut fixture = Fixture::with_timing(4, 3600).await;
    let order = fixture.place().await;
    let elapsed_ms = "select elapsed_ms from deadline_clock";
    let read = |database: PgPool| async move {
        let read: i64 = sqlx::query_scalar(elapsed_ms).fetch_one(&database).await.unwrap();
        read
    };
    let before = eventually("the clock to run", || async {
        Some(read(fixture.service.database.clone()).await).filter(|elapsed_ms| *elapsed_ms > 1_000)
    })
    .await;
    let next = fixture.env.start(
        "order-service",
        &order_service::MIGRATOR,
        fixture.config.clone(),
        order_service::assemble,
    );
    let first = std::mem::replace(&mut fixture.service, next.await);
    first.stop().await;
    assert!(read(fixture.service.database.clone()).await >= before);
    fixture.probe.wait_for("order.failed", order.id).await;
    let after = read(fixture.service.database.clone()).await;
    assert!((4_000..10_000).contains(&after), "{after} ms");
}
