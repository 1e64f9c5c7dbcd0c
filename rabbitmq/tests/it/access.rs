//! Each service's user may do what its service does, and nothing else.

use lapin::Channel;
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{Connection, ExchangeKind};
use rabbitmq::Topology;

use crate::vhost::{PASSWORD, Vhost, publish};

/// A refusal closes the channel, so each attempt has its own.
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
async fn everything_but_its_own_is_refused() {
    let mut vhost = Vhost::new();
    let (topology, passwords) = vhost.topology_with_users();
    vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    for user in topology.services.keys() {
        let connection = vhost.connect(user, PASSWORD).await;
        publishing(&connection, &topology, user).await;
        reading(&connection, &topology, user).await;
        configuring(&connection, user).await;
    }
}

async fn publishing(connection: &Connection, topology: &Topology, user: &str) {
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

async fn reading(connection: &Connection, topology: &Topology, user: &str) {
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
    let dead = channel(connection)
        .await
        .basic_get("order-queue.retry.5000ms".into(), BasicGetOptions::default())
        .await;
    assert_refused(&format!("{user} reading a retry queue"), dead.map(|_| ()));
}

async fn configuring(connection: &Connection, user: &str) {
    let nothing = FieldTable::default;
    let declared = channel(connection)
        .await
        .queue_declare("extra".into(), QueueDeclareOptions::durable(), nothing())
        .await;
    assert_refused(&format!("{user} declaring a queue"), declared.map(|_| ()));
    let exchange = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let declared = channel(connection)
        .await
        .exchange_declare("extra".into(), ExchangeKind::Topic, exchange, nothing())
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
            nothing(),
        )
        .await;
    assert_refused(&format!("{user} binding a queue"), bound);
    let deleted = channel(connection)
        .await
        .queue_delete("order-queue".into(), QueueDeleteOptions::default())
        .await;
    assert_refused(&format!("{user} deleting a queue"), deleted.map(|_| ()));
}
