//! Fixture: a vhost and users for one test.

use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    message::BasicGetMessage,
    options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::FieldTable,
};
use rabbitmq::{Broker, Passwords, TOPOLOGY, Topology};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
pub(crate) const PASSWORD: &str = "only-for-tests";

/// A vhost that is deleted on drop, together with its users, even if the test fails.
pub(crate) struct Vhost {
    pub(crate) name: String,
    pub(crate) broker: Broker,
    pub(crate) users: Vec<String>,
    management: Url,
    client: reqwest::Client,
}

pub(crate) fn environment(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("set {variable} to run the tests of the topology"))
}

impl Vhost {
    pub(crate) fn new() -> Self {
        let name = format!("topology-{}", uuid::Uuid::now_v7().simple());
        let address = environment("TEST_RABBITMQ_MANAGEMENT_URL");
        let broker = Broker::new(&address, &name).unwrap();
        let management = Url::parse(&address).unwrap();
        Self {
            name,
            broker,
            users: Vec::new(),
            management,
            client: reqwest::Client::new(),
        }
    }

    /// The platform's topology with user names that are unique to this test.
    pub(crate) fn topology_with_users(&mut self) -> (Topology, Passwords) {
        self.with_users(TOPOLOGY)
    }

    /// A topology with user names that are unique to this test.
    pub(crate) fn with_users(&mut self, text: &str) -> (Topology, Passwords) {
        let prefix = self.name.replace("topology-", "t");
        let topology = Topology::parse(&text.replace("[services.", &format!("[services.{prefix}-"))).unwrap();
        self.users = topology.services.keys().cloned().collect();
        let passwords = self
            .users
            .iter()
            .map(|user| (user.clone(), PASSWORD.to_owned()))
            .collect();
        (topology, passwords)
    }

    /// This test's user for a service.
    pub(crate) fn user(&self, service: &str) -> &str {
        self.users.iter().find(|user| user.ends_with(service)).unwrap()
    }

    /// Sends one request to the management API, bypassing the library under test.
    pub(crate) async fn manage(&self, method: Method, path: &[&str], body: Value) -> Value {
        let mut url = self.management.clone();
        url.path_segments_mut().unwrap().clear().push("api").extend(path);
        let response = self.client.request(method, url).json(&body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path:?}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub(crate) async fn connect(&self, user: &str, password: &str) -> Connection {
        let mut url = Url::parse(&environment("TEST_RABBITMQ_URL")).unwrap();
        url.set_username(user).unwrap();
        url.set_password(Some(password)).unwrap();
        url.set_path(&self.name);
        Connection::connect(url.as_str(), ConnectionProperties::default())
            .await
            .unwrap()
    }

    /// Opens a channel of the operator in confirm mode.
    pub(crate) async fn operator(&self) -> (Connection, Channel) {
        let password = self.management.password().unwrap();
        let connection = self.connect(self.management.username(), password).await;
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        (connection, channel)
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        let (name, users, management) = (self.name.clone(), self.users.clone(), self.management.clone());
        let cleanup = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                // Not the test's own client: it needs the test's runtime, which is blocked until this drop returns.
                let broker = Broker::new(management.as_str(), &name).unwrap();
                broker.delete_vhost().await.unwrap();
                for user in users {
                    let mut url = management.clone();
                    url.path_segments_mut().unwrap().clear().extend(["api", "users", &user]);
                    reqwest::Client::new().delete(url).send().await.unwrap();
                }
            });
        });
        let cleaned = cleanup.join();
        // A panic during unwinding would abort the process and hide the first panic.
        assert!(
            cleaned.is_ok() || std::thread::panicking(),
            "the test's vhost and users could not be deleted"
        );
    }
}

/// Publishes with `mandatory` and waits for the confirm. Fails with the reason if the message was refused or unroutable.
pub(crate) async fn publish(channel: &Channel, exchange: &str, key: &str, body: &str) -> Result<(), String> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..Default::default()
    };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let confirm = channel
        .basic_publish(exchange.into(), key.into(), options, body.as_bytes(), properties)
        .await;
    match confirm
        .map_err(|error| error.to_string())?
        .await
        .map_err(|error| error.to_string())?
    {
        Confirmation::Ack(None) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

/// Counts the ready messages over AMQP, which is current, unlike the statistics of the management API.
pub(crate) async fn ready_count(channel: &Channel, queue: &str) -> u32 {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::durable()
    };
    channel
        .queue_declare(queue.into(), options, FieldTable::default())
        .await
        .unwrap()
        .message_count()
}

/// Gets the next message of a queue without acknowledging it.
pub(crate) async fn get(channel: &Channel, queue: &str) -> BasicGetMessage {
    eventually(&format!("a message in {queue}"), || async {
        channel
            .basic_get(queue.into(), BasicGetOptions::default())
            .await
            .unwrap()
    })
    .await
}

/// Polls until there is a value, or the deadline passes.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut poll: impl FnMut() -> F) -> T {
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        if let Some(value) = poll().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no {what} within {DEADLINE:?}")
}

pub(crate) fn empty_body() -> Value {
    json!({})
}
