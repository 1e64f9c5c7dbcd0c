//! Deliveries that an instance cannot handle because its database is out of reach go to the other instances.

use crate::fixture::{
    MIGRATOR, assemble, assert_no_attempt_was_counted, config, count, env, sold, until_count, until_state,
};
use fault_proxy::{Link, LinkFault};
use testkit::{TestEnv, TestService, eventually};

const SEATS: &str = "select count(*) from seats";

/// Starts two instances, of which the first reaches its database through a link.
async fn two_instances(env: &mut TestEnv) -> (Link, TestService, TestService) {
    let direct = env.database_url.clone();
    let (link, through) = Link::in_front_of(&direct).await.unwrap();
    env.database_url = through;
    let one = env.start("seat-service", &MIGRATOR, config("one"), assemble).await;
    env.database_url = direct;
    let two = env.start("seat-service", &MIGRATOR, config("two"), assemble).await;
    (link, one, two)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_without_its_database_gives_its_deliveries_to_the_others() {
    let mut env = env().await;
    let (link, one, two) = two_instances(&mut env).await;
    let events = env.events().await;
    link.set(LinkFault::Cut);
    for _ in 0..60 {
        events.publish(&sold("good")).await;
    }
    let consumer = until_state(&one, "paused").await;
    assert!(consumer["inFlight"].as_u64() > Some(0), "{consumer}");
    until_count(&two.database, SEATS, 60).await;
    let consumer = one.status().await["consumer"].clone();
    assert_eq!(
        (&consumer["state"], &consumer["inFlight"]),
        (&"paused".into(), &0.into()),
        "{consumer}"
    );
    assert!(
        consumer["lastError"].as_str().unwrap().contains("database"),
        "{consumer}"
    );

    link.set(LinkFault::None);
    until_state(&one, "consuming").await;
    for _ in 0..60 {
        events.publish(&sold("good")).await;
    }
    until_count(&two.database, SEATS, 120).await;
    assert!(count(&two.database, "select count(*) from seats where instance = 'one'").await > 0);
    for service in [&one, &two] {
        assert_no_attempt_was_counted(service).await;
    }
}

/// Each delivery counts towards the queue's limit, so a long outage must not deliver again and again.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_delivered_while_the_database_is_out_of_reach() {
    let mut env = env().await;
    let direct = env.database_url.clone();
    let (link, through) = Link::in_front_of(&direct).await.unwrap();
    env.database_url = through;
    let service = env.start("seat-service", &MIGRATOR, config("one"), assemble).await;
    env.database_url = direct;
    link.set(LinkFault::Cut);
    let events = env.events().await;
    for _ in 0..20 {
        events.publish(&sold("good")).await;
    }
    let given_back = async || {
        let consumer = service.status().await["consumer"].clone();
        (consumer["inFlight"] == 0 && consumer["state"] == "paused").then_some(())
    };
    until_state(&service, "paused").await;
    eventually("the deliveries to be given back", given_back).await;
    let opened = link.opened();
    eventually("two probes", || async {
        given_back().await.expect("nothing is delivered");
        (link.opened() >= opened + 2).then_some(())
    })
    .await;
    link.set(LinkFault::None);
    until_count(&service.database, SEATS, 20).await;
    assert_no_attempt_was_counted(&service).await;
}
