//! Customers and an administrator who use the platform through its gateways.
//!
//! The load is open-loop: orders arrive on a schedule, however slow the answers are, as they would from independent
//! customers. The seed alone decides their actions, though not the state in which they meet the platform.

use super::{
    account::Account,
    client::RecordingClient,
    client_action::{ActionRun, created},
    tally::Tally,
};
use crate::{
    history::{Recorder, Request},
    plan::{
        catalogue::CATALOGUE,
        workload::{Arrival, Workload},
    },
};
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, FuturesUnordered},
};
use platform_client::{HarnessError, environment::Environment, id};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Limit of concurrent actions; an arrival beyond it is skipped and counted.
const IN_PROGRESS_MAX: usize = 400;
/// Limit of the preparations, before any fault.
const OPENING_LIMIT: Duration = Duration::from_mins(5);
/// Limit of the actions in progress after the last arrival.
const CLOSING_LIMIT: Duration = Duration::from_mins(1);
const CONCURRENT_REGISTRATIONS: usize = 4;
const CUSTOMERS: u32 = 40;

/// The outcome of the traffic.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) tally: Tally,
    /// Actions that were still in progress at the closing limit. An order among them has no definite answer.
    pub(crate) unfinished: usize,
    /// Number of failed actions, and the first failure.
    pub(crate) failed: (u64, Option<HarnessError>),
}

/// The logged-in clients and the products that they order.
#[derive(Debug)]
pub(crate) struct Traffic {
    client: RecordingClient,
    admin: Account,
    customers: Vec<Account>,
    products: Vec<Uuid>,
    orders_per_s: f64,
    seed: u64,
}

impl Traffic {
    /// Prepares everything, before any fault: the administrator logs in and creates the products, the customers register
    /// and log in. A client prefers one gateway, and turns to the next when no connection can be made.
    pub(crate) async fn open(
        environment: &Environment,
        gateways: Vec<String>,
        (seed, orders_per_s): (u64, f64),
        recorder: Arc<Recorder>,
    ) -> Result<Self, HarnessError> {
        let prepared = timeout(OPENING_LIMIT, async {
            let client = RecordingClient::new(gateways, recorder)?;
            let admin = Account::administrator(environment.get("ADMIN_EMAIL")?, environment.get("ADMIN_PASSWORD")?);
            let mut products = Vec::new();
            for entry in &CATALOGUE {
                let request = Request::CreateProduct {
                    name: entry.name.to_owned(),
                    price_minor: entry.price_minor,
                    stock: entry.stock,
                };
                products.push(created(admin.send(&client, &request.into(), seed).await?)?);
            }
            let run = id::new();
            let customers = stream::iter(0..CUSTOMERS)
                .map(|number| Account::register(&client, run, number))
                .buffered(CONCURRENT_REGISTRATIONS)
                .try_collect()
                .await?;
            Ok(Self {
                client,
                admin,
                customers,
                products,
                orders_per_s,
                seed,
            })
        });
        prepared.await.unwrap_or_else(|_| {
            Err(HarnessError::Timeout {
                condition: "products and customers".to_owned(),
                limit: OPENING_LIMIT,
            })
        })
    }

    /// Lets actions arrive until `stop`, then finishes those in progress.
    pub(crate) async fn run(&self, stop: CancellationToken) -> Summary {
        let mut failed = (0, None);
        let mut note = |result: Result<(), HarnessError>| {
            if let Err(error) = result {
                failed.0 += 1;
                failed.1.get_or_insert(error);
            }
        };
        let mut in_progress = FuturesUnordered::new();
        let mut workload = Workload::new(self.seed, self.orders_per_s, self.customers.len());
        let start = Instant::now();
        let mut next = workload.next_arrival();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(result) = in_progress.next() => note(result),
                () = sleep_until(start + next.at) => {
                    let arrived = std::mem::replace(&mut next, workload.next_arrival());
                    if in_progress.len() < IN_PROGRESS_MAX {
                        in_progress.push(self.execute(arrived));
                    } else {
                        self.client.counters.update(|tally| tally.skipped += 1);
                    }
                }
            }
        }
        let closing = async {
            while let Some(result) = in_progress.next().await {
                note(result);
            }
        };
        // The limit itself is no failure: the rest is counted as unfinished.
        let in_time = timeout(CLOSING_LIMIT, pin!(closing)).await.is_ok();
        let unfinished = if in_time { 0 } else { in_progress.len() };
        note(self.client.flush().map_err(HarnessError::from));
        Summary {
            tally: self.tally(),
            unfinished,
            failed,
        }
    }

    /// The counters as they are now. Cheap to read.
    pub(crate) fn tally(&self) -> Tally {
        self.client.counters.read()
    }

    async fn execute(&self, arrived: Arrival) -> Result<(), HarnessError> {
        let run = ActionRun {
            client: &self.client,
            customer: &self.customers[arrived.customer],
            admin: &self.admin,
            products: &self.products,
            seed: arrived.seed,
        };
        run.run(arrived.action).await
    }
}
