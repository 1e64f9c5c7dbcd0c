//! Several instances share the outbox; one that cannot publish leaves its part to the others.

use crate::fixture::{MIGRATOR, TicketTorn, assemble, config, count, emit, env, open, until_count};
use fault_proxy::{Link, LinkFault};
use futures_util::future::join_all;
use kernel::{context::Context, id};
use messaging::{Database, Tx};
use std::time::{Duration, Instant};
use testkit::{TestEnv, TestService, eventually};

const WAITING: &str = "select count(*) from outbox";
const SUBJECTS: usize = 64;
/// Limit for the others to take over.
const TAKEOVER: Duration = Duration::from_secs(10);

/// Waits until the instance publishes that many shards.
async fn until_shards(service: &TestService, shards: u32) {
    eventually(&format!("{shards} shards"), || async {
        (service.status().await["outbox"]["relay"]["shards"] == shards).then_some(())
    })
    .await;
}

/// Emits events of many subjects, so of every shard, in one transaction.
async fn emit_many(database: &Database) {
    let mut tx = Tx::begin(database, &Context::new()).await.unwrap();
    for _ in 0..SUBJECTS {
        tx.emit(&TicketTorn(id::new())).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Starts one instance behind a link, and a second one that reaches the broker without it.
async fn behind_link(env: &mut TestEnv) -> (Link, TestService, TestService, Database) {
    let direct = env.rabbitmq_url.clone();
    let (link, through) = Link::in_front_of(&direct).await.unwrap();
    env.rabbitmq_url = through;
    let (first, _) = open(env).await;
    env.rabbitmq_url = direct;
    until_shards(&first, 16).await;
    let settings = config("two");
    let second = env.start("seat-service", &MIGRATOR, settings.clone(), assemble).await;
    (link, first, second, settings.database())
}

async fn goes_on_without_the_first(fault: LinkFault) {
    let mut env = env().await;
    let (link, first, second, database) = behind_link(&mut env).await;
    until_shards(&second, 8).await;
    until_shards(&first, 8).await;
    link.set(fault);
    let broken_at = Instant::now();
    emit_many(&database).await;
    until_count(&second.database, WAITING, 0).await;
    let elapsed = broken_at.elapsed();
    assert!(elapsed < TAKEOVER, "published after {elapsed:?}");
    // It comes back by itself, and takes its part again.
    link.set(LinkFault::None);
    until_shards(&first, 8).await;
    emit_many(&database).await;
    until_count(&second.database, WAITING, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_whose_broker_link_is_refused_leaves_its_events_to_the_others() {
    goes_on_without_the_first(LinkFault::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_whose_broker_link_is_a_black_hole_leaves_its_events_to_the_others() {
    goes_on_without_the_first(LinkFault::HalfOpen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_with_a_wrong_broker_password_takes_no_part() {
    let mut env = env().await;
    let direct = env.rabbitmq_url.clone();
    let (first, _) = open(&env).await;
    let (scheme, rest) = direct.split_once("://").unwrap();
    let (user, server) = rest.split_once('@').map_or(("guest:guest", rest), |parts| parts);
    let name = user.split(':').next().unwrap();
    env.rabbitmq_url = format!("{scheme}://{name}:wrong@{server}");
    let settings = config("two");
    let starting = env.start("seat-service", &MIGRATOR, settings.clone(), assemble);
    let publishing = async {
        let database = eventually("the second instance to be assembled", || async {
            settings.opened.lock().unwrap().clone()
        })
        .await;
        emit_many(&database).await;
        until_count(&first.database, WAITING, 0).await;
        assert_eq!(first.status().await["outbox"]["relay"]["shards"], 16);
    };
    tokio::select! {
        () = publishing => {}
        _ = starting => panic!("ready without a broker"),
    }
    env.rabbitmq_url = direct;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_one_instance_wakes_the_one_that_publishes_it() {
    let env = env().await;
    let (first, config_one) = open(&env).await;
    let settings = config("two");
    let second = env.start("seat-service", &MIGRATOR, settings.clone(), assemble).await;
    until_shards(&first, 8).await;
    until_shards(&second, 8).await;
    for number in 0..60 {
        let database = if number % 2 == 0 {
            config_one.database()
        } else {
            settings.database()
        };
        emit(&database, &TicketTorn(id::new())).await;
        until_count(&first.database, WAITING, 0).await;
    }
    let median_ms: f64 = sqlx::query_scalar(
        "select percentile_cont(0.5) within group (order by extract(epoch from published_at - created_at)::float8) * 1000
         from published",
    )
    .fetch_one(&first.database)
    .await
    .unwrap();
    assert!(median_ms < 100.0, "{median_ms} ms between commit and publishing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_commits_after_later_ones_were_published_is_not_forgotten() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let database = config.database();
    let mut late = Tx::begin(&database, &Context::new()).await.unwrap();
    late.emit(&TicketTorn(id::new())).await.unwrap();
    for number in 1..=30 {
        emit(&database, &TicketTorn(id::new())).await;
        until_count(&service.database, "select count(*) from published", number).await;
    }
    late.commit().await.unwrap();
    until_count(&service.database, WAITING, 0).await;
    assert_eq!(count(&service.database, "select count(*) from published").await, 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_commits_late_while_nothing_else_commits_is_not_forgotten() {
    const READS: &str = "select idx_scan from pg_stat_user_indexes where indexrelname = 'outbox_pkey'";
    let env = env().await;
    let (service, config) = open(&env).await;
    let database = config.database();
    let mut late = Tx::begin(&database, &Context::new()).await.unwrap();
    late.emit(&TicketTorn(id::new())).await.unwrap();
    let before = count(&service.database, READS).await;
    eventually("the outbox to be read some times meanwhile", || async {
        (count(&service.database, READS).await >= before + 8).then_some(())
    })
    .await;
    late.commit().await.unwrap();
    until_count(&service.database, WAITING, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_joins_gets_its_part_while_events_are_committed_without_a_pause() {
    let env = env().await;
    let (first, config_one) = open(&env).await;
    until_shards(&first, 16).await;
    let settings = config("two");
    let second = env.start("seat-service", &MIGRATOR, settings.clone(), assemble).await;
    let emitting = async |database: Database| loop {
        emit(&database, &TicketTorn(id::new())).await;
    };
    let databases = [config_one.database(), settings.database()];
    let all = databases
        .iter()
        .cycle()
        .take(12)
        .map(|database| emitting(database.clone()));
    tokio::select! {
        () = until_shards(&second, 8) => {}
        _ = join_all(all) => {}
    }
    until_shards(&first, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shards_of_an_instance_that_stops_go_to_the_others() {
    let env = env().await;
    let (first, _) = open(&env).await;
    let settings = config("two");
    let second = env.start("seat-service", &MIGRATOR, settings.clone(), assemble).await;
    until_shards(&second, 8).await;
    first.stop().await;
    until_shards(&second, 16).await;
    emit_many(&settings.database()).await;
    until_count(&second.database, WAITING, 0).await;
}
