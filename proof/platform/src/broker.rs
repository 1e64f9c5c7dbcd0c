//! RabbitMQ's management API, used as its operator.

use crate::{environment::Environment, error::HarnessError, http};
use reqwest::{Client, Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{collections::HashMap, fmt, time::Duration};

const EXCHANGE: &str = "platform-events";

/// An operator's access to the broker.
#[derive(Clone)]
pub struct Broker {
    http: Client,
    management_url: String,
    user: String,
    password: String,
    vhost: String,
}

impl Broker {
    /// Takes address and credentials from `make env`; a request takes at most `limit`.
    pub fn new(environment: &Environment, limit: Duration) -> Result<Self, HarnessError> {
        let text = |name| environment.get(name).map(str::to_owned);
        Ok(Self {
            http: http::client(limit, limit)?,
            management_url: text("RABBITMQ_MANAGEMENT_URL")?,
            user: text("RABBITMQ_OPERATOR_USER")?,
            password: text("RABBITMQ_OPERATOR_PASSWORD")?,
            vhost: text("RABBITMQ_VHOST")?,
        })
    }

    /// The objects of a kind in the platform's virtual host: `queues`, `bindings`, `consumers`.
    pub async fn list<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, HarnessError> {
        self.json(self.request(Method::GET, &format!("/api/{kind}/{}", self.vhost)))
            .await
    }

    /// The number of consumers of each queue.
    pub async fn consumers(&self) -> Result<HashMap<String, u64>, HarnessError> {
        let mut counts = HashMap::new();
        for consumer in self.list::<Value>("consumers").await? {
            let queue = consumer["queue"]["name"].as_str().unwrap_or_default().to_owned();
            *counts.entry(queue).or_default() += 1;
        }
        Ok(counts)
    }

    /// Publishes a message to the events' exchange; `false` if it reached no queue.
    pub async fn publish(&self, routing_key: &str, payload: &str) -> Result<bool, HarnessError> {
        let path = format!("/api/exchanges/{}/{EXCHANGE}/publish", self.vhost);
        let message = json!({ "properties": { "delivery_mode": 2 }, "routing_key": routing_key, "payload": payload,
            "payload_encoding": "string" });
        let answer: Value = self.json(self.request(Method::POST, &path).json(&message)).await?;
        Ok(answer["routed"] == true)
    }

    /// The pattern of the routing keys that a user may publish to the events' exchange.
    pub async fn publishable(&self, user: &str) -> Result<String, HarnessError> {
        let permissions: Vec<Value> = self
            .json(self.request(Method::GET, &self.topic_permissions(user)))
            .await?;
        let of_events = permissions.iter().find(|permission| permission["exchange"] == EXCHANGE);
        let pattern = of_events.and_then(|permission| permission["write"].as_str());
        pattern
            .map(str::to_owned)
            .ok_or_else(|| HarnessError::Unexpected(format!("{user} has no topic permission")))
    }

    /// Replaces that pattern. Open channels keep the permissions that they have used.
    pub async fn set_publishable(&self, user: &str, pattern: &str) -> Result<(), HarnessError> {
        let permission = json!({ "exchange": EXCHANGE, "write": pattern, "read": "^$" });
        let request = self
            .request(Method::PUT, &self.topic_permissions(user))
            .json(&permission);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Closes every client connection, or those of one user; returns the number.
    pub async fn close_connections(&self, user: Option<&str>) -> Result<usize, HarnessError> {
        let connections: Vec<Value> = self.json(self.request(Method::GET, "/api/connections")).await?;
        let mut closed = 0;
        for connection in connections {
            if user.is_some_and(|user| connection["user"] != user) {
                continue;
            }
            let name = connection["name"].as_str().unwrap_or_default();
            let path = format!("/api/connections/{}", name.replace(' ', "%20").replace('>', "%3E"));
            let request = self.request(Method::DELETE, &path).header("X-Reason", "chaos");
            closed += usize::from(request.send().await?.status().is_success());
        }
        Ok(closed)
    }

    /// Holds while an alarm makes the broker block publishers.
    pub async fn has_alarm(&self) -> Result<bool, HarnessError> {
        let answer = self.request(Method::GET, "/api/health/checks/alarms").send().await?;
        Ok(!answer.status().is_success())
    }

    fn topic_permissions(&self, user: &str) -> String {
        format!("/api/topic-permissions/{}/{user}", self.vhost)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.management_url))
            .basic_auth(&self.user, Some(&self.password))
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, HarnessError> {
        Ok(request.send().await?.error_for_status()?.json().await?)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("management_url", &self.management_url)
            .finish_non_exhaustive()
    }
}
