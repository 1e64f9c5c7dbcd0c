//! Comparison and repair of one vhost.

use crate::{
    actual,
    compare::compare,
    desired::desired,
    difference::{Difference, Remedy, Repair, Scope, Stage},
    error::Error,
    management::{Management, Request},
    password::Passwords,
    state::State,
    topology::Topology,
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, task::JoinSet};

/// Rounds of comparing and repairing. A repair can uncover a difference that was hidden before it, behind a missing vhost
/// or behind an overriding policy.
const ROUNDS_MAX: usize = 4;
/// Concurrent requests: one at a time, thirty queues would take seconds.
const REQUESTS_IN_FLIGHT_MAX: usize = 8;
/// Duration for which a queue must be reported empty: the broker's statistics are up to five seconds late.
const STATS_DELAY: Duration = Duration::from_secs(6);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// One vhost, accessed through the management API with the operator's credentials.
#[derive(Debug, Clone)]
pub struct Broker {
    pub(crate) management: Management,
    vhost: String,
}

/// The outcome of [`Broker::apply`].
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// Differences that were repaired; empty if there was nothing to do.
    pub repaired: Vec<Difference>,
    /// Differences that need an operator's decision, and notes.
    pub remaining: Vec<Difference>,
}

/// Message counts of a queue. They are up to five seconds old; where that is too old, declare the queue passively over AMQP
/// and read the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct QueueDepth {
    /// Messages that wait for a consumer.
    #[serde(default, rename = "messages_ready")]
    pub ready: u64,
    /// Messages delivered and not yet acknowledged.
    #[serde(default, rename = "messages_unacknowledged")]
    pub unacked: u64,
    /// Dead letters that their target has not confirmed yet: stuck, if it stays above zero.
    #[serde(default, rename = "messages_dlx")]
    pub stuck: u64,
}

impl Broker {
    /// Creates a handle without contacting the broker. `management_url` contains the operator's credentials, as in
    /// `http://operator:secret@127.0.0.1:15683`; the operator needs the tag `administrator`.
    pub fn new(management_url: &str, vhost: &str) -> Result<Self, Error> {
        Ok(Self {
            management: Management::new(management_url)?,
            vhost: vhost.to_owned(),
        })
    }

    /// Waits until the management API answers. Fails at once if the broker is too old.
    pub async fn wait_until_ready(&self, limit: Duration) -> Result<(), Error> {
        self.management.wait_until_ready(limit).await
    }

    /// Lists all differences between `topology` and the vhost. `passwords: None` leaves out users and permissions; a user
    /// without an entry in `passwords` is compared in everything but the password.
    pub async fn verify(&self, topology: &Topology, passwords: Option<&Passwords>) -> Result<Vec<Difference>, Error> {
        self.management.check_version().await?;
        let (_, differences) = self.compare(topology, passwords).await?;
        Ok(differences)
    }

    /// Brings the vhost, its objects and, if `passwords` are given, the services' users to `topology`. It is idempotent. It
    /// never deletes a queue that holds messages, or one that does not belong to the topology.
    pub async fn apply(&self, topology: &Topology, passwords: Option<&Passwords>) -> Result<Applied, Error> {
        self.management.check_version().await?;
        let mut repaired = Vec::new();
        let mut not_drained = BTreeSet::new();
        for _ in 0..ROUNDS_MAX {
            let (_, differences) = self.compare(topology, passwords).await?;
            let repairable = |difference: &Difference| {
                difference.remedy() == Remedy::Apply && !not_drained.contains(&difference.to_string())
            };
            let (due, remaining): (Vec<_>, Vec<_>) = differences.into_iter().partition(repairable);
            if due.is_empty() {
                return Ok(Applied { repaired, remaining });
            }
            self.repair(&due).await?;
            for difference in due {
                if self.delete_if_drained(&difference).await? {
                    repaired.push(difference);
                } else {
                    not_drained.insert(difference.to_string());
                }
            }
        }
        let (_, differences) = self.compare(topology, passwords).await?;
        match differences
            .iter()
            .filter(|difference| difference.remedy() == Remedy::Apply)
            .count()
            - not_drained.len()
        {
            0 => Ok(Applied {
                repaired,
                remaining: differences,
            }),
            left => Err(Error::Unstable(left)),
        }
    }

    /// Deletes the vhost and everything in it; for tests.
    pub async fn delete_vhost(&self) -> Result<(), Error> {
        self.management.send(&Request::delete(&["vhosts", &self.vhost])).await
    }

    /// Reads the message counts of a queue of this vhost.
    pub async fn queue_depth(&self, queue: &str) -> Result<QueueDepth, Error> {
        self.management.get(&["queues", &self.vhost, queue]).await
    }

    pub(crate) async fn compare(
        &self,
        topology: &Topology,
        passwords: Option<&Passwords>,
    ) -> Result<(State, Vec<Difference>), Error> {
        #[derive(Deserialize)]
        struct CurrentUser {
            name: String,
        }
        let CurrentUser { name: operator } = self.management.get(&["whoami"]).await?;
        let actual = actual::read(&self.management, &self.vhost, &operator).await?;
        let scope = Scope {
            vhost: &self.vhost,
            operator: &operator,
            passwords,
        };
        let differences = compare(&desired(topology, passwords.is_some()), &actual, &scope);
        Ok((actual, differences))
    }

    async fn repair(&self, differences: &[Difference]) -> Result<(), Error> {
        let mut stages: BTreeMap<Stage, Vec<Request>> = BTreeMap::new();
        let mut users = BTreeSet::new();
        for difference in differences {
            if let Repair::Send { stage, request, user } = &difference.repair {
                stages.entry(*stage).or_default().push(request.clone());
                users.extend(user.clone());
            }
        }
        for requests in stages.into_values() {
            self.send_all(requests).await?;
        }
        if users.is_empty() {
            Ok(())
        } else {
            self.close_connections(&users).await
        }
    }

    async fn send_all(&self, requests: Vec<Request>) -> Result<(), Error> {
        let permits = Arc::new(Semaphore::new(REQUESTS_IN_FLIGHT_MAX));
        let mut tasks = JoinSet::new();
        for request in requests {
            let (management, permits) = (self.management.clone(), permits.clone());
            tasks.spawn(async move {
                let _permit = permits.acquire_owned().await;
                management.send(&request).await
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("a request neither panics nor is aborted")?;
        }
        Ok(())
    }

    /// Closes all connections of the users, since an open channel may keep the permissions that it began with. The request
    /// names the user and not a connection: the list of connections is some seconds late.
    async fn close_connections(&self, users: &BTreeSet<String>) -> Result<(), Error> {
        self.send_all(
            users
                .iter()
                .map(|user| Request::delete(&["connections", "username", user]))
                .collect(),
        )
        .await
    }

    /// Deletes an obsolete retry queue once it is certainly empty; returns `false` if it did not drain in time. Its bindings
    /// are already removed, so no message arrives; its policy stays until then, since it returns the delayed messages.
    async fn delete_if_drained(&self, difference: &Difference) -> Result<bool, Error> {
        let Repair::DeleteWhenEmpty { queue } = &difference.repair else {
            return Ok(true);
        };
        let started = Instant::now();
        let mut empty_since = None;
        while started.elapsed() < DRAIN_TIMEOUT {
            let depth = self.queue_depth(queue).await?;
            if depth.ready + depth.unacked + depth.stuck > 0 {
                empty_since = None;
            } else if empty_since.get_or_insert_with(Instant::now).elapsed() > STATS_DELAY {
                self.management
                    .send(&Request::delete(&["queues", &self.vhost, queue]))
                    .await?;
                return Ok(true);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(false)
    }
}
