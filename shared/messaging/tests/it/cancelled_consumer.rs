//! A consumer that the broker cancels, as RabbitMQ 4.3 does where earlier versions close the channel.

use crate::{
    broker_failures::{delete_queue, restore_queue},
    fixture::{env, open, run, sold, until_count, until_state},
};
use reqwest::Client;
use serde_json::Value;
use testkit::{TestEnv, TestService, eventually, variable};

const SEATS: &str = "select count(*) from seats";
/// Fewer than the prefetch, so that all are delivered.
const TICKETS: u64 = 20;

/// Returns the number of channels of the consuming connection.
#[expect(clippy::disallowed_methods, reason = "the test acts as an operator")]
async fn consuming_channels(env: &TestEnv) -> Option<usize> {
    let (_, vhost) = env.rabbitmq_url.rsplit_once('/').unwrap();
    let list = format!("{}/api/vhosts/{vhost}", variable("TEST_RABBITMQ_MANAGEMENT_URL"));
    let client = Client::builder().no_proxy().build().unwrap();
    let get = async |what| -> Option<Vec<Value>> {
        let answer = client.get(format!("{list}/{what}")).send().await.ok()?;
        answer.json().await.ok()
    };
    let connections = get("connections").await?;
    let consuming = connections
        .iter()
        .find(|one| one["user_provided_name"] == "seat-service/consuming")?;
    let channels = get("channels").await?;
    let is_consuming = |channel: &&Value| channel["connection_details"]["name"] == consuming["name"];
    Some(channels.iter().filter(is_consuming).count())
}

async fn until_held(service: &TestService) {
    eventually("all tickets to be held", || async {
        (service.status().await["consumer"]["inFlight"].as_u64()? == TICKETS).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_consumer_keeps_neither_its_channel_nor_its_deliveries() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let events = env.events().await;
    run(&service.database, "alter table seats rename to seats_gone").await;
    let tickets: Vec<_> = (0..TICKETS).map(|_| sold("good")).collect();
    for ticket in &tickets {
        events.publish(ticket).await;
    }
    until_held(&service).await;
    delete_queue(&env).await;
    until_state(&service, "disconnected").await;
    restore_queue(&env).await;
    for ticket in &tickets {
        events.publish(ticket).await;
    }
    until_state(&service, "paused").await;
    until_held(&service).await;
    run(&service.database, "alter table seats_gone rename to seats").await;
    until_count(&service.database, SEATS, 20).await;
    until_count(&service.database, "select count(distinct event_id) from seats", 20).await;
    until_count(&service.database, "select count(*) from dead_letters", 0).await;
    eventually(
        "a channel for the queue and one for its dead letters, and no other",
        || async { (consuming_channels(&env).await? == 2).then_some(()) },
    )
    .await;
}
