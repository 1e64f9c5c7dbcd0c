//! Maintenance of the partitions of `events`: created ahead of time, dropped when their retention has passed.
//!
//! Inserts continue meanwhile. Attaching a partition does not conflict with them, and one is dropped only if its lock is
//! granted within a second; otherwise the next run drops it.

use crate::{domain, store::partitions as store};
use chrono::NaiveDate;
use database::Database;
use kernel::{chain, clock, context::Context, periodic};
use messaging::Tx;
use serde::Serialize;
use std::{num::NonZeroU16, time::Duration};
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_mins(10);

/// Maintains the partitions until `stop`. Any number of instances may do so at a time.
pub(crate) async fn run(database: Database, retention_days: NonZeroU16, stop: CancellationToken) {
    // The start of the service has just maintained them.
    if stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none() {
        return;
    }
    periodic(INTERVAL, &stop, || async {
        if let Err(error) = maintain(&database, clock::now().date_naive(), retention_days).await {
            tracing::error!(
                dependency = "postgres",
                error = chain(&error),
                "Cannot maintain the partitions of events"
            );
        }
    })
    .await;
}

/// Creates the partitions of `today` and the days after it, and drops those more than `retention_days` before `today`.
pub async fn maintain(database: &Database, today: NaiveDate, retention_days: NonZeroU16) -> Result<(), sqlx::Error> {
    let mut tx = Tx::begin(database, &Context::new()).await?;
    store::lock(&mut tx).await?;
    let existing = store::days(&mut tx).await?;
    for day in domain::days_ahead(today).filter(|day| !existing.contains(day)) {
        store::create(&mut tx, day).await?;
    }
    tx.commit().await?;
    let first_kept = domain::first_kept(today, retention_days);
    for day in existing.into_iter().filter(|day| *day < first_kept) {
        let mut tx = Tx::begin(database, &Context::new()).await?;
        store::lock(&mut tx).await?;
        store::drop(&mut tx, day).await?;
        tx.commit().await?;
        tracing::info!(partition.day = %day, "Dropped the events of a day whose retention has passed");
    }
    Ok(())
}

/// The partitions, for `/internal/status`.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    partitions: usize,
    first: Option<NaiveDate>,
    last: Option<NaiveDate>,
}

pub(crate) async fn status(database: Database) -> Result<Status, sqlx::Error> {
    let days = store::days(&mut *database.acquire().await?).await?;
    Ok(Status {
        partitions: days.len(),
        first: days.first().copied(),
        last: days.last().copied(),
    })
}
