//! Permissions of the services' users, tried operation by operation.

use crate::vhost::{PASSWORD, Vhost, publish};
use lapin::{
    Channel, Connection, ExchangeKind,
    options::{
        BasicConsumeOptions, BasicGetOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions, QueueDeleteOptions,
    },
    types::FieldTable,
};
use rabbitmq::Topology;

/// Opens a channel in confirm mode. A refusal closes the channel, so each operation needs a new one.
async fn channel(connection: &Connection) -> Channel {
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    channel
}

fn assert_refused<T: std::fmt::Debug>(what: &str, outcome: Result<T, impl ToString>) {
    match outcome {
        Ok(done) => panic!("{what} was allowed: {done:?}"),
        Err(error) => assert!(
            error.to_string().contains("ACCESS_REFUSED"),
            "{what}: {}",
            error.to_string()
        ),
    }
}

#[tokio::test]
async fn a_service_user_is_refused_everything_that_its_service_does_not_declare() {
    let mut vhost = Vhost::new();
    let (topology, passwords) = vhost.topology_with_users();
    vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    for user in topology.services.keys() {
        let connection = vhost.connect(user, PASSWORD).await;
        check_publishing(&connection, &topology, user).await;
        check_reading(&connection, &topology, user).await;
        check_configuring(&connection, user).await;
    }
}

async fn check_publishing(connection: &Connection, topology: &Topology, user: &str) {
    let service = &topology.services[user];
    for event in topology.events.keys() {
        let outcome = publish(&channel(connection).await, "platform-events", event, "{}").await;
        if service.publishes.contains(event) {
            outcome.unwrap_or_else(|error| panic!("{user} publishes {event}: {error}"));
        } else {
            assert_refused(&format!("{user} publishing {event}"), outcome);
        }
    }
    for prefixed in service.publishes.iter().map(|event| format!("{event}.more")) {
        assert_refused(
            &prefixed,
            publish(&channel(connection).await, "platform-events", &prefixed, "{}").await,
        );
    }
    for queue in topology.queues() {
        let exchange = format!("{queue}.retry");
        let outcome = publish(&channel(connection).await, &exchange, "1000ms", "{}").await;
        if service.queue.as_deref() == Some(queue) {
            outcome.unwrap_or_else(|error| panic!("{user} publishes to {exchange}: {error}"));
        } else {
            assert_refused(&format!("{user} publishing to {exchange}"), outcome);
        }
        let direct = publish(&channel(connection).await, "", queue, "{}").await;
        assert_refused(&format!("{user} publishing to {queue} by the default exchange"), direct);
    }
}

async fn check_reading(connection: &Connection, topology: &Topology, user: &str) {
    for queue in topology.queues() {
        let own = topology.services[user].queue.as_deref() == Some(queue);
        for (name, may_read) in [
            (queue.to_owned(), own),
            (format!("{queue}.dlq"), own),
            (format!("{queue}.retry.1000ms"), false),
        ] {
            let channel = channel(connection).await;
            let options = BasicConsumeOptions::default();
            let outcome = channel
                .basic_consume(name.as_str().into(), "".into(), options, FieldTable::default())
                .await;
            if may_read {
                outcome.unwrap_or_else(|error| panic!("{user} consumes {name}: {error}"));
            } else {
                assert_refused(&format!("{user} consuming {name}"), outcome.map(drop));
            }
        }
    }
    let retry_queue = channel(connection)
        .await
        .basic_get("order-queue.retry.5000ms".into(), BasicGetOptions::default())
        .await;
    assert_refused(&format!("{user} reading a retry queue"), retry_queue.map(|_| ()));
}

async fn check_configuring(connection: &Connection, user: &str) {
    let arguments = FieldTable::default;
    let declared = channel(connection)
        .await
        .queue_declare("extra".into(), QueueDeclareOptions::durable(), arguments())
        .await;
    assert_refused(&format!("{user} declaring a queue"), declared.map(|_| ()));
    let exchange = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let declared = channel(connection)
        .await
        .exchange_declare("extra".into(), ExchangeKind::Topic, exchange, arguments())
        .await;
    assert_refused(&format!("{user} declaring an exchange"), declared);
    let bound = channel(connection).await;
    let options = QueueBindOptions::default();
    let bound = bound
        .queue_bind(
            "analytics-queue".into(),
            "platform-events".into(),
            "x.y".into(),
            options,
            arguments(),
        )
        .await;
    assert_refused(&format!("{user} binding a queue"), bound);
    let deleted = channel(connection)
        .await
        .queue_delete("order-queue".into(), QueueDeleteOptions::default())
        .await;
    assert_refused(&format!("{user} deleting a queue"), deleted.map(|_| ()));
}
