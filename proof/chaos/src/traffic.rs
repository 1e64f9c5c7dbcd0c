//! Customers and an administrator who use the platform through its gateways and write down what they asked and heard.
//!
//! The load is open-loop: orders arrive on a schedule, however slow the answers are, as they would from people who do
//! not know of each other. What they do is decided by the seed alone; when it meets the platform is not.

mod account;
mod call;
mod client;
mod errand;
mod plan;
mod retry;
mod tally;
mod wares;

pub use tally::Tally;

use crate::history::Recorder;
use account::Account;
use call::{Answer, Call};
use client::Client;
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, FuturesUnordered},
};
use plan::{Arrival, Plan};
use std::{io, pin::pin, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// More errands than this are not under way at once; what arrives then is skipped and counted.
const UNDER_WAY_MAX: usize = 400;
/// How long the preparations may take, before any fault.
const OPENING_LIMIT: Duration = Duration::from_mins(5);
/// How long what is in hand may take once no more arrives.
const CLOSING_LIMIT: Duration = Duration::from_mins(1);
/// How many customers register at a time.
const REGISTERING_AT_ONCE: usize = 4;

/// How much traffic, and to where.
#[derive(Debug, Clone)]
pub struct TrafficConfig {
    /// Base URLs. A client prefers one and goes to the next when no connection can be made.
    pub gateways: Vec<String>,
    /// How many orders arrive in a second, on average.
    pub orders_per_s: f64,
    /// How many customers there are.
    pub customers: u32,
    /// Decides what everybody does.
    pub seed: u64,
    /// Who ships and delivers.
    pub admin_email: String,
    /// Their password.
    pub admin_password: String,
}

/// Why there can be no traffic, or no more of one errand.
#[derive(Debug, thiserror::Error)]
pub enum TrafficError {
    /// What cannot be written down must not be asked.
    #[error("the history cannot be written")]
    History(#[from] io::Error),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[from] reqwest::Error),
    /// An answer that no customer could go on with.
    #[error("{what} was answered {status}: {body}")]
    Refused {
        /// What was asked.
        what: String,
        /// HTTP status.
        status: u16,
        /// The body as it came.
        body: String,
    },
    /// The preparations took too long.
    #[error("products and customers were not ready within {0:?}")]
    Slow(Duration),
}

/// What became of it all.
#[derive(Debug)]
pub struct Summary {
    /// The counters at the end.
    pub tally: Tally,
    /// Errands that were still under way at the end limit. A place among them has no definite answer.
    pub unfinished: usize,
    /// Errands that could not go on, and why the first of them could not.
    pub broken: (u64, Option<TrafficError>),
}

/// Everybody, logged in, and what they can buy.
#[derive(Debug)]
pub struct Traffic {
    client: Client,
    admin: Account,
    customers: Vec<Account>,
    products: Vec<Uuid>,
    orders_per_s: f64,
    seed: u64,
}

impl Traffic {
    /// Prepares everything, before any fault: the administrator logs in and creates the products, the customers register
    /// and log in.
    pub async fn open(config: TrafficConfig, recorder: Arc<Recorder>) -> Result<Self, TrafficError> {
        let opening = timeout(OPENING_LIMIT, Self::prepare(config, recorder));
        opening.await.unwrap_or(Err(TrafficError::Slow(OPENING_LIMIT)))
    }

    async fn prepare(config: TrafficConfig, recorder: Arc<Recorder>) -> Result<Self, TrafficError> {
        let client = Client::new(config.gateways, recorder)?;
        let admin = Account::administrator(config.admin_email, config.admin_password);
        let mut products = Vec::new();
        for ware in &wares::WARES {
            let answer = client.settle(&admin, &Call::create_product(ware), config.seed).await?;
            products.push(created(&answer, "creating a product")?);
        }
        let run = call::new_id();
        let customers = stream::iter(0..config.customers)
            .map(|number| Account::register(&client, run, number))
            .buffered(REGISTERING_AT_ONCE)
            .try_collect()
            .await?;
        Ok(Self {
            client,
            admin,
            customers,
            products,
            orders_per_s: config.orders_per_s,
            seed: config.seed,
        })
    }

    /// Lets errands arrive until `stop`, then finishes what is in hand.
    pub async fn run(&self, stop: CancellationToken) -> Summary {
        let mut broken = (0, None);
        let mut note = |result: Result<(), TrafficError>| {
            if let Err(error) = result {
                broken.0 += 1;
                broken.1.get_or_insert(error);
            }
        };
        let mut under_way = FuturesUnordered::new();
        let mut plan = Plan::new(self.seed, self.orders_per_s, self.customers.len());
        let start = Instant::now();
        let mut next = plan.next_arrival();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(result) = under_way.next() => note(result),
                () = sleep_until(start + next.at) => {
                    let arrived = std::mem::replace(&mut next, plan.next_arrival());
                    if under_way.len() < UNDER_WAY_MAX {
                        under_way.push(self.carry_out(arrived));
                    } else {
                        self.client.counters.skip();
                    }
                }
            }
        }
        let closing = async {
            while let Some(result) = under_way.next().await {
                note(result);
            }
        };
        // The limit itself is no failure: what is left is counted as unfinished.
        let in_time = timeout(CLOSING_LIMIT, pin!(closing)).await.is_ok();
        let unfinished = if in_time { 0 } else { under_way.len() };
        note(self.client.flush());
        Summary {
            tally: self.tally(),
            unfinished,
            broken,
        }
    }

    /// The counters as they stand. Cheap to read.
    pub fn tally(&self) -> Tally {
        self.client.counters.read()
    }

    async fn carry_out(&self, arrived: Arrival) -> Result<(), TrafficError> {
        errand::carry_out(self, arrived).await
    }
}

/// The id of what an answer says was created.
fn created(answer: &Answer, what: &str) -> Result<Uuid, TrafficError> {
    let id = if answer.is_success() { answer.id() } else { None };
    id.ok_or_else(|| answer.refusal(what))
}
