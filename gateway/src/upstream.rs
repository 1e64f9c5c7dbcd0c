//! The services behind the gateway, and the rotation of their replicas.

use crate::config::Replica;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method};
use http_client::{BreakerConfig, BreakerStatus, CallError, ClientConfig, ResilientHttpClient, RetryConfig};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// Limit for a service to begin its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Duration from which a call is slow: a service may wait for its own calls, which end after five seconds.
const SLOW_CALL: Duration = Duration::from_secs(6);
/// Cooldown of a breaker: a killed service is back after two or three seconds, and customers should not wait much longer. See
/// `docs/adr/0006-breakers-on-the-customers-way-ask-sooner.md`.
const OPEN_FOR: Duration = Duration::from_secs(2);
const OPEN_FOR_MAX: Duration = Duration::from_secs(30);
/// Permits of a replica's bulkhead: further requests wait shortly and are then refused with 503, so that one slow service does
/// not hold all connections.
const CONCURRENCY_MAX: usize = 256;

/// A service with its replicas.
pub struct Upstream {
    replicas: Vec<ResilientHttpClient>,
    /// Indices of `replicas`, each as often as its weight, evenly mixed.
    rotation: Vec<usize>,
    turn: AtomicUsize,
}

/// A request as the service receives it.
pub struct Forwarded {
    pub method: Method,
    /// Path and query, exactly as they were matched.
    pub target: String,
    /// Headers, stripped and complete.
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Upstream {
    /// Creates the service `name` at `replicas`, each with a breaker of its own.
    pub fn new(name: &str, replicas: &[Replica]) -> Self {
        let client = |(index, replica): (usize, &Replica)| {
            let config = ClientConfig {
                deadline: ANSWER_TIMEOUT,
                attempt_timeout: ANSWER_TIMEOUT,
                concurrency_max: CONCURRENCY_MAX,
                // Services retry their own calls; retries at every level would multiply.
                retry: RetryConfig {
                    retries_max: 0,
                    ..RetryConfig::default()
                },
                breaker: BreakerConfig {
                    slow_call: SLOW_CALL,
                    open_for: OPEN_FOR,
                    open_for_max: OPEN_FOR_MAX,
                    ..BreakerConfig::default()
                },
                ..ClientConfig::new(Self::replica_name(name, index), replica.base_url.clone())
            };
            ResilientHttpClient::new(config)
        };
        let weights: Vec<usize> = replicas.iter().map(|replica| replica.weight).collect();
        let replicas = replicas.iter().enumerate().map(client).collect();
        Self {
            replicas,
            rotation: rotation(&weights),
            turn: AtomicUsize::new(0),
        }
    }

    /// Sends a request to the next replica of the rotation, and to the others while nothing of it has been sent.
    pub async fn forward(&self, request: &mut Forwarded) -> Result<Response, CallError> {
        let turn = self.rotation[self.turn.fetch_add(1, Ordering::Relaxed) % self.rotation.len()];
        let mut last = None;
        for offset in 0..self.replicas.len() {
            let replica = &self.replicas[(turn + offset) % self.replicas.len()];
            let is_last = offset + 1 == self.replicas.len();
            match request.send(replica, is_last).await {
                Err(fault) if !fault.outcome_unknown() => last = Some(fault),
                outcome => return outcome,
            }
        }
        Err(last.expect("a service has at least one replica"))
    }

    /// Returns the name of a replica in metrics and on the status page; the first is named like its service.
    pub fn replica_name(service: &str, index: usize) -> String {
        if index == 0 {
            service.to_owned()
        } else {
            format!("{service}#{}", index + 1)
        }
    }

    /// Returns the clients of the replicas.
    pub fn clients(&self) -> &[ResilientHttpClient] {
        &self.replicas
    }

    /// Returns the breakers of the replicas.
    pub fn breakers(&self) -> impl Iterator<Item = BreakerStatus> {
        self.replicas.iter().map(ResilientHttpClient::status)
    }
}

impl Forwarded {
    /// Sends it; the last attempt takes the headers.
    async fn send(&mut self, replica: &ResilientHttpClient, is_last: bool) -> Result<Response, CallError> {
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.headers_mut() = if is_last {
            std::mem::take(&mut self.headers)
        } else {
            self.headers.clone()
        };
        replica.forward(request, &self.target).await
    }
}

/// Returns the rotation of smooth weighted round robin: with the weights 3 and 1 it is 0 0 1 0 and not 0 0 0 1.
fn rotation(weights: &[usize]) -> Vec<usize> {
    let total: usize = weights.iter().sum();
    let mut served = vec![0_usize; weights.len()];
    let mut rotation = Vec::with_capacity(total);
    for slot in 1..=total {
        // The replica that lags furthest behind its share after `slot` turns: weight × slot − served × total.
        let lag = |&index: &usize| (weights[index] * slot + total * total) - served[index] * total;
        let next = (0..weights.len())
            .rev()
            .max_by_key(lag)
            .expect("a service has at least one replica");
        served[next] += 1;
        rotation.push(next);
    }
    rotation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rotation_follows_the_weights_and_mixes_them() {
        assert_eq!(rotation(&[1]), [0]);
        assert_eq!(rotation(&[1, 1]), [0, 1]);
        assert_eq!(rotation(&[3, 1]), [0, 0, 1, 0]);
        let served = rotation(&[5, 2, 1]);
        let count = |index| served.iter().filter(|&&turn| turn == index).count();
        assert_eq!([count(0), count(1), count(2)], [5, 2, 1]);
    }
}
