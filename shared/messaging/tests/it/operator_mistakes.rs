//! A mistake of an operator is an outage: the consumer pauses and says so, and no event is at fault.

use crate::fixture::{assert_no_attempt_was_counted, count, env, open, run, sold, until_count, until_state};
use kernel::id;
use sqlx::PgPool;
use std::sync::atomic::{AtomicI64, Ordering};
use testkit::{TestEnv, TestService, eventually};

const SEATS: &str = "select count(*) from seats";
const DEAD: &str = "select count(*) from dead_letters";

/// The database role of the service under test, which is otherwise the one of the test server's administrator.
struct Role {
    name: String,
    admin: PgPool,
}

impl Role {
    /// Creates a role that owns the test's database, and that services of `env` use from now on.
    async fn create(env: &mut TestEnv) -> Self {
        let (admin, name) = (
            PgPool::connect(&env.database_url).await.unwrap(),
            format!("seats_{}", id::new().simple()),
        );
        let (server, database) = env.database_url.rsplit_once('/').unwrap();
        run(
            &admin,
            format!("create role {name} login password 'first'; alter database {database} owner to {name}"),
        )
        .await;
        let (_, host) = server.rsplit_once('@').unwrap();
        env.database_url = format!("postgres://{name}:first@{host}/{database}");
        Self { name, admin }
    }

    /// Changes the password. Sessions go on.
    async fn change_password(&self, password: &str) {
        let Self { name, admin } = self;
        run(admin, format!("alter role {name} password '{password}'")).await;
    }

    /// Ends the role's sessions, those too that were being opened when its password was changed.
    async fn end_sessions(&self) {
        let Self { name, admin } = self;
        let mut looks_without = 0;
        while looks_without < 10 {
            let sessions =
                format!("select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = '{name}'");
            let ended: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sessions))
                .fetch_one(admin)
                .await
                .unwrap();
            looks_without = if ended == 0 { looks_without + 1 } else { 0 };
        }
    }

    /// Deletes what the test has made.
    async fn delete(self, service: TestService, env: TestEnv) {
        service.stop().await;
        let Self { name, admin } = self;
        run(
            &admin,
            format!("reassign owned by {name} to current_user; drop role {name}"),
        )
        .await;
        admin.close().await;
        drop(env);
    }
}

/// Waits until the consumer is paused, and says why with this word.
async fn until_paused_by(service: &TestService, word: &str) {
    eventually(&format!("the consumer to be paused by: {word}"), || async {
        let consumer = service.status().await["consumer"].clone();
        let says = consumer["lastError"].as_str().is_some_and(|error| error.contains(word));
        (consumer["state"] == "paused" && says).then_some(())
    })
    .await;
}

async fn publish_twenty(env: &TestEnv) {
    let events = env.events().await;
    for _ in 0..20 {
        events.publish(&sold("good")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_pauses_the_consumer_and_counts_no_attempt() {
    let env = env().await;
    let (service, _) = open(&env).await;
    run(&service.database, "alter table seats rename to seats_gone").await;
    publish_twenty(&env).await;
    let consumer = until_state(&service, "paused").await;
    assert!(consumer["lastError"].as_str().unwrap().contains("seats"), "{consumer}");
    run(&service.database, "alter table seats_gone rename to seats").await;
    until_count(&service.database, SEATS, 20).await;
    assert_no_attempt_was_counted(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_consumer_shows_what_keeps_it_now() {
    let env = env().await;
    let (service, _) = open(&env).await;
    run(&service.database, "alter table seats rename to seats_gone").await;
    env.events().await.publish(&sold("good")).await;
    until_paused_by(&service, "relation").await;
    run(&service.database, "create table seats ()").await;
    until_paused_by(&service, "column").await;
    run(
        &service.database,
        "drop table seats; alter table seats_gone rename to seats",
    )
    .await;
    until_count(&service.database, SEATS, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_pauses_the_consumer_and_counts_no_attempt() {
    let mut env = env().await;
    let role = Role::create(&mut env).await;
    let (service, _) = open(&env).await;
    run(&role.admin, format!("revoke insert on seats from {}", role.name)).await;
    publish_twenty(&env).await;
    let consumer = until_state(&service, "paused").await;
    assert!(
        consumer["lastError"].as_str().unwrap().contains("permission"),
        "{consumer}"
    );
    run(&role.admin, format!("grant insert on seats to {}", role.name)).await;
    until_count(&role.admin, SEATS, 20).await;
    assert_no_attempt_was_counted(&service).await;
    role.delete(service, env).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_pauses_the_consumer_and_counts_no_attempt() {
    let mut env = env().await;
    let role = Role::create(&mut env).await;
    let (service, _) = open(&env).await;
    role.change_password("second").await;
    role.end_sessions().await;
    publish_twenty(&env).await;
    until_paused_by(&service, "password").await;
    // Each instance meets it, and keeps no delivery from one that may have the right password.
    eventually("the deliveries to be given back", || async {
        let consumer = service.status().await["consumer"].clone();
        (consumer["inFlight"] == 0 && consumer["state"] == "paused").then_some(())
    })
    .await;
    role.change_password("first").await;
    until_count(&role.admin, SEATS, 20).await;
    assert_no_attempt_was_counted(&service).await;
    role.delete(service, env).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_every_event_fails_one_at_a_time_is_tried() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let events = env.events().await;
    let published = AtomicI64::new(0);
    let publish = async |count| {
        for _ in 0..count {
            events.publish(&sold("fickle")).await;
        }
        published.fetch_add(count, Ordering::SeqCst);
    };
    eventually("the consumer to pause", || async {
        publish(5).await;
        (service.status().await["consumer"]["state"] == "paused").then_some(())
    })
    .await;
    publish(20).await;
    let dead = async || service.status().await["consumer"]["deadLettered"].as_u64().unwrap();
    let dead_before = dead().await;
    let tries = config.tries.load(Ordering::SeqCst);
    eventually("three more tries", || async {
        (config.tries.load(Ordering::SeqCst) >= tries + 3).then_some(())
    })
    .await;
    let died = dead().await - dead_before;
    assert!(died <= 4, "{died} dead letters by three or four tries");
    config.failing.store(false, Ordering::SeqCst);
    until_state(&service, "consuming").await;
    eventually("the others to take effect", || async {
        let (seats, dead) = (
            count(&service.database, SEATS).await,
            count(&service.database, DEAD).await,
        );
        (seats + dead == published.load(Ordering::SeqCst) && seats > 20).then_some(())
    })
    .await;
}
