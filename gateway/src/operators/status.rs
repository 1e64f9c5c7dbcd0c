//! The document of `/internal/status`: the gateway's own part, and each service's.

use crate::{config::Replicas, state::Gateway, upstream::Upstream};
use http_client::{BreakerConfig, CallError, ClientConfig, ResilientHttpClient, RetryConfig};
use kernel::context::Context;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Limit for a status page: a service needs some seconds to find out that its database hangs.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
const PATH: &str = "/internal/status";

/// The status pages of all services.
pub struct Services {
    clients: Vec<ResilientHttpClient>,
}

impl Services {
    /// Creates a client for each replica, apart from those of the public port.
    pub fn new(upstreams: &[(String, Replicas)]) -> Self {
        let of_service = |(name, replicas): &(String, Replicas)| {
            let name = name.clone();
            let bases: Vec<_> = replicas.0.iter().map(|replica| replica.base_url.clone()).collect();
            bases.into_iter().enumerate().map(move |(index, base_url)| {
                ResilientHttpClient::new(ClientConfig {
                    deadline: SERVICE_TIMEOUT,
                    attempt_timeout: SERVICE_TIMEOUT,
                    connect_timeout: CONNECT_TIMEOUT,
                    retry: RetryConfig {
                        retries_max: 0,
                        ..RetryConfig::default()
                    },
                    breaker: never(),
                    ..ClientConfig::new(Upstream::replica_name(&name, index), base_url)
                })
            })
        };
        Self {
            clients: upstreams.iter().flat_map(of_service).collect(),
        }
    }

    /// Reads all status pages at once; `"unreachable"` stands for one that gives no answer.
    pub async fn report(&self) -> Value {
        let context = Context::new();
        let answers = self
            .clients
            .iter()
            .map(|client| async { (client.name().to_owned(), ask(client, &context).await) });
        let answers: Map<String, Value> = futures_util::future::join_all(answers).await.into_iter().collect();
        Value::Object(answers)
    }
}

/// A breaker that never opens: a page that shows recovered services must call those that failed.
fn never() -> BreakerConfig {
    BreakerConfig {
        failures_in_a_row: u32::MAX,
        window_calls_min: u32::MAX,
        ..BreakerConfig::default()
    }
}

async fn ask(client: &ResilientHttpClient, context: &Context) -> Value {
    match client.get(PATH).context(context).send().await {
        Ok(answer) if answer.status.is_success() => answer.json().unwrap_or_else(|_| json!("unreadable")),
        Ok(answer) => json!(format!("answers {}", answer.status.as_u16())),
        // The service runs, and waits for a dependency.
        Err(CallError::Timeout { .. } | CallError::Deadline { .. }) => json!("no answer in time"),
        Err(_) => json!("unreachable"),
    }
}

/// Returns the gateway's own part.
pub(super) fn of_gateway(gateway: &Gateway, is_ready: bool) -> Value {
    let connections_max = gateway.limits.connections_max as usize;
    json!({
        "service": "gateway",
        "version": env!("CARGO_PKG_VERSION"),
        "uptimeS": gateway.started.elapsed().as_secs(),
        "ready": is_ready,
        "breakers": gateway.breakers(),
        "redis": gateway.redis.status(),
        "sessions": { "cached": gateway.sessions.cached() },
        "limiter": {
            "mode": if gateway.limiter.is_local() { "local" } else { "shared" },
            "ratePerS": gateway.limits.rate_per_s,
            "burst": gateway.limits.rate_burst,
        },
        "keys": gateway.keys.status(),
        "connections": { "open": connections_max - gateway.permits.available_permits(), "max": connections_max },
        "routes": gateway.routes.routes().len(),
    })
}
