//! One vhost of one broker, brought to the topology or compared with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::task::JoinSet;

use crate::desired::desired;
use crate::difference::{Difference, Remedy, Repair, Scope, Stage, compare};
use crate::management::{Management, Request};
use crate::password::Passwords;
use crate::state::State;
use crate::{Error, Topology, actual};

/// Repairs can uncover what could not be seen before (a vhost that did not exist, a policy behind another one).
const ROUNDS_MAX: usize = 4;
/// Declaring thirty queues one after the other takes seconds.
const REQUESTS_IN_FLIGHT: usize = 8;
/// The broker tells a queue's figures up to five seconds late.
const FIGURES_LATE: Duration = Duration::from_secs(6);
const DRAIN_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(500);

/// One vhost, seen with the operator's credentials through the management API.
#[derive(Debug, Clone)]
pub struct Broker {
    pub(crate) management: Management,
    vhost: String,
}

/// What [`Broker::apply`] did.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// What was repaired; empty if there was nothing to do.
    pub repaired: Vec<Difference>,
    /// What a person has to decide, and what was left alone.
    pub remaining: Vec<Difference>,
}

/// How full a queue is. The broker's figures are up to five seconds old; where that is too old, declare the queue
/// passively over AMQP and read the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct QueueDepth {
    /// Waiting for a consumer.
    #[serde(default, rename = "messages_ready")]
    pub ready: u64,
    /// Delivered and not yet acknowledged.
    #[serde(default, rename = "messages_unacknowledged")]
    pub unacked: u64,
    /// Dead letters on their way to another queue: stuck, if it stays above zero.
    #[serde(default, rename = "messages_dlx")]
    pub stuck: u64,
}

impl Broker {
    /// `management_url` holds the operator's credentials: `http://operator:secret@127.0.0.1:15683`. The operator needs
    /// the tag `administrator`. Nothing is asked of the broker yet.
    pub fn new(management_url: &str, vhost: &str) -> Result<Self, Error> {
        Ok(Self {
            management: Management::new(management_url)?,
            vhost: vhost.to_owned(),
        })
    }

    /// Waits until the management API answers. Refuses a broker that is too old.
    pub async fn wait_until_ready(&self, limit: Duration) -> Result<(), Error> {
        self.management.wait_until_ready(limit).await
    }

    /// All differences between `topology` and the vhost. With `None`, users and permissions are not looked at; a user
    /// without a password in `passwords` is compared in everything but the password.
    pub async fn verify(&self, topology: &Topology, passwords: Option<&Passwords>) -> Result<Vec<Difference>, Error> {
        self.management.check_version().await?;
        let (_, differences) = self.compare(topology, passwords).await?;
        Ok(differences)
    }

    /// Makes the vhost, its objects and, if `passwords` are given, the services' users as `topology` says. Changes
    /// nothing that is right already. Never deletes a queue that holds messages, or one that is not ours.
    pub async fn apply(&self, topology: &Topology, passwords: Option<&Passwords>) -> Result<Applied, Error> {
        self.management.check_version().await?;
        let mut repaired = Vec::new();
        let mut leave = BTreeSet::new();
        for _ in 0..ROUNDS_MAX {
            let (_, differences) = self.compare(topology, passwords).await?;
            let repairable = |difference: &Difference| {
                difference.remedy() == Remedy::Apply && !leave.contains(&difference.to_string())
            };
            let (due, remaining): (Vec<_>, Vec<_>) = differences.into_iter().partition(repairable);
            if due.is_empty() {
                return Ok(Applied { repaired, remaining });
            }
            self.repair(&due).await?;
            for difference in due {
                if self.drain(&difference).await? {
                    repaired.push(difference);
                } else {
                    leave.insert(difference.to_string());
                }
            }
        }
        let (_, differences) = self.compare(topology, passwords).await?;
        match differences
            .iter()
            .filter(|difference| difference.remedy() == Remedy::Apply)
            .count()
            - leave.len()
        {
            0 => Ok(Applied {
                repaired,
                remaining: differences,
            }),
            left => Err(Error::Unstable(left)),
        }
    }

    /// Deletes the vhost and all that is in it; for tests.
    pub async fn delete_vhost(&self) -> Result<(), Error> {
        self.management.send(&Request::delete(&["vhosts", &self.vhost])).await
    }

    /// How full a queue of this vhost is.
    pub async fn queue_depth(&self, queue: &str) -> Result<QueueDepth, Error> {
        self.management.get(&["queues", &self.vhost, queue]).await
    }

    pub(crate) async fn compare(
        &self,
        topology: &Topology,
        passwords: Option<&Passwords>,
    ) -> Result<(State, Vec<Difference>), Error> {
        #[derive(Deserialize)]
        struct Me {
            name: String,
        }
        let Me { name: operator } = self.management.get(&["whoami"]).await?;
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
        let slots = Arc::new(tokio::sync::Semaphore::new(REQUESTS_IN_FLIGHT));
        let mut tasks = JoinSet::new();
        for request in requests {
            let (management, slots) = (self.management.clone(), slots.clone());
            tasks.spawn(async move {
                let _slot = slots.acquire_owned().await;
                management.send(&request).await
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("a request neither panics nor is aborted")?;
        }
        Ok(())
    }

    /// An open channel may go on using the permissions that it began with. By user, since the list of connections is some
    /// seconds late and a connection that it lacks cannot be closed by name.
    async fn close_connections(&self, users: &BTreeSet<String>) -> Result<(), Error> {
        self.send_all(
            users
                .iter()
                .map(|user| Request::delete(&["connections", "username", user]))
                .collect(),
        )
        .await
    }

    /// Deletes a queue that is to go once it is surely empty; `false` if it did not run empty in time. Its bindings are
    /// gone by now, so nothing new comes; its policy stays until the queue is gone, since that sends its messages back.
    async fn drain(&self, difference: &Difference) -> Result<bool, Error> {
        let Repair::DeleteWhenEmpty { queue } = &difference.repair else {
            return Ok(true);
        };
        let started = Instant::now();
        let mut empty_since = None;
        while started.elapsed() < DRAIN_LIMIT {
            let depth = self.queue_depth(queue).await?;
            if depth.ready + depth.unacked + depth.stuck > 0 {
                empty_since = None;
            } else if empty_since.get_or_insert_with(Instant::now).elapsed() > FIGURES_LATE {
                self.management
                    .send(&Request::delete(&["queues", &self.vhost, queue]))
                    .await?;
                return Ok(true);
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(false)
    }
}
