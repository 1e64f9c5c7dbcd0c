//! Customers who place orders, at a given rate or as fast as their orders end.

use super::work::Work;
use crate::report::Outcome;
use futures_util::{StreamExt, TryStreamExt, stream};
use platform_client::{HarnessError, admin::Admin, client::TestClient, platform::Platform};
use std::{
    sync::atomic::{AtomicI64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tokio::time::{interval, sleep};
use uuid::Uuid;

/// Orders without an end, beyond which no new one is placed.
const OPEN_MAX: i64 = 200;
/// Customers who wait for the answer to a `POST` at a time.
const PLACING_MAX: usize = 32;
const CONCURRENT_REGISTRATIONS: usize = 4;
const STOCK: i64 = 1_000_000;
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Logged-in customers and products in stock.
#[derive(Debug)]
pub(crate) struct Load {
    customers: Vec<TestClient>,
    products: Vec<Uuid>,
    turn: AtomicUsize,
}

impl Load {
    pub(crate) async fn prepare(platform: &Platform, customers: usize, products: usize) -> Result<Self, HarnessError> {
        let admin = Admin::log_in(platform).await?;
        let products = stream::iter(0..products)
            .then(async |number| admin.create_product(&format!("Product {number}"), 500, STOCK).await)
            .try_collect()
            .await?;
        let customers = stream::iter(0..customers)
            .map(|_| TestClient::register(platform, "Bea Bench"))
            .buffered(CONCURRENT_REGISTRATIONS)
            .try_collect()
            .await?;
        Ok(Self {
            customers,
            products,
            turn: AtomicUsize::new(0),
        })
    }

    /// Places orders evenly in time.
    pub(crate) async fn at_rate(&self, orders_per_s: u32, time: Duration) -> Result<(), HarnessError> {
        let orders = u64::from(orders_per_s) * time.as_secs();
        let mut due = interval(Duration::from_secs(1) / orders_per_s);
        let due = stream::poll_fn(move |context| due.poll_tick(context).map(Some));
        let orders = due.take(usize::try_from(orders).unwrap_or(usize::MAX));
        let placed = orders.map(|_| Ok(self.place())).try_buffer_unordered(PLACING_MAX);
        placed.try_collect().await
    }

    /// Places orders while fewer than `OPEN_MAX` are without an end; returns their number.
    pub(crate) async fn as_fast_as_they_end(&self, work: &Work, time: Duration) -> Outcome<u32> {
        let (started, open) = (Instant::now(), AtomicI64::new(0));
        let placing = stream::repeat(())
            .take_while(|()| std::future::ready(started.elapsed() < time))
            .map(async |()| {
                while open.fetch_add(1, Ordering::Relaxed) >= OPEN_MAX {
                    open.fetch_sub(1, Ordering::Relaxed);
                    sleep(LOOK_INTERVAL).await;
                }
                self.place().await
            })
            .buffer_unordered(PLACING_MAX)
            .try_fold(0, async |placed, ()| Ok(placed + 1));
        let looking = async {
            loop {
                match work.open_orders().await {
                    Ok(orders) => open.store(orders, Ordering::Relaxed),
                    Err(error) => return error,
                }
                sleep(LOOK_INTERVAL).await;
            }
        };
        tokio::select! {
            placed = placing => Ok(placed?),
            error = looking => Err(error.into()),
        }
    }

    async fn place(&self) -> Result<(), HarnessError> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let customer = &self.customers[turn % self.customers.len()];
        let product = self.products[turn % self.products.len()];
        customer.place_order(product, 1, "pm_ok").await.map(drop)
    }
}
