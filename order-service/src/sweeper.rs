//! What happens to orders by the clock alone: deadlines that pass and compensations that are overdue.
//!
//! One instance at a time sweeps. Even two at once would do no harm, since each order is decided under its lock.

use crate::{
    App,
    domain::Input,
    saga::{self, AdvanceError},
    store::{OrderRecord, sweeps},
};
use shared::{
    context::Context,
    database::Tx,
    messaging::{health::ConsumerHealth, leader::Leader},
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Which instance sweeps is decided under this name.
const TASK: &str = "order-sweeper";
/// Orders dealt with before the clock is looked at again; the others wait for the next sweep.
const ORDERS_PER_SWEEP_MAX: usize = 500;
/// With an older message than this waiting in our queue, an answer may well be in it: no deadline passes.
const LAG_MAX: Duration = Duration::from_mins(1);
/// After an interruption the answers that waited come first: deadlines pass again when all has been well for this long.
const SETTLED: Duration = Duration::from_secs(5);

/// The times that the sweeper keeps.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// An order fails when payment and stock have not both answered by then.
    pub payment_deadline: Duration,
    /// When payment and stock are asked again; doubled each time.
    pub compensation_overdue: Duration,
    /// Between two sweeps.
    pub interval: Duration,
}

/// What a sweep looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Deadline,
    Compensation,
}

/// Sweeps whenever this instance leads, until `stop`.
pub async fn run(app: App, consumer: Arc<ConsumerHealth>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let Some(mut leader) = Leader::elect(&app.database, TASK, &stop).await else {
            return;
        };
        if let Err(error) = lead(&app, &consumer, &mut leader, &stop).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the sweep was interrupted");
            // An error that lasts must not become an election after the other.
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(app.timing.interval) => {}
            }
        }
    }
}

async fn lead(
    app: &App,
    consumer: &ConsumerHealth,
    leader: &mut Leader,
    stop: &CancellationToken,
) -> Result<(), AdvanceError> {
    while !stop.is_cancelled() {
        leader.check().await?;
        if consumer.is_current(LAG_MAX, SETTLED) {
            sweep(app, leader, Due::Deadline).await?;
        }
        sweep(app, leader, Due::Compensation).await?;
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(app.timing.interval) => {}
        }
    }
    Ok(())
}

async fn sweep(app: &App, leader: &mut Leader, due: Due) -> Result<(), AdvanceError> {
    for _ in 0..ORDERS_PER_SWEEP_MAX {
        if !sweep_one(app, due).await? {
            break;
        }
        leader.check().await?;
    }
    Ok(())
}

/// Deals with one order that is due, in a transaction of its own. `false` if none is.
async fn sweep_one(app: &App, due: Due) -> Result<bool, AdvanceError> {
    let mut tx = app.database.begin(&Context::new()).await?;
    let found = match due {
        Due::Deadline => sweeps::lock_past_deadline(&mut tx, app.timing.payment_deadline).await?,
        Due::Compensation => sweeps::lock_overdue_compensation(&mut tx, app.timing.compensation_overdue).await?,
    };
    let Some(mut order) = found else { return Ok(false) };
    tx.set_context(story_of(&order));
    advance(&mut tx, &mut order, due).await?;
    tx.commit().await?;
    tracing::info!(order.id = %order.id, correlation_id = order.correlation_id, ?due, "an order was swept");
    Ok(true)
}

async fn advance(tx: &mut Tx, order: &mut OrderRecord, due: Due) -> Result<(), AdvanceError> {
    let input = match due {
        Due::Deadline => Input::DeadlinePassed,
        Due::Compensation => Input::CompensationOverdue,
    };
    saga::advance(tx, order, input).await
}

/// No request causes a sweep: its events belong to the request that placed the order.
fn story_of(order: &OrderRecord) -> Context {
    Context::caused_by(
        &order.correlation_id,
        order.correlation_id.clone(),
        order.traceparent.clone(),
    )
}

/// The section `saga` of the status page.
pub async fn status(app: App) -> serde_json::Value {
    let overdue = app.timing.compensation_overdue;
    let report = async { sweeps::report(&mut *app.database.acquire().await?, overdue).await };
    match report.await {
        Ok(report) => serde_json::json!(report),
        Err(error) => serde_json::json!({ "error": error.to_string() }),
    }
}
