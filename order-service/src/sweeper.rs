//! The sweeper: deadlines that pass, and compensations that are overdue.
//!
//! One instance sweeps at a time. Two at once would do no harm, since each order is decided under its lock.

use crate::{
    app::App,
    domain::Input,
    store::{
        OrderRecord,
        sweeps::{self, SagaReport},
    },
    transition::{self, TransitionError},
};
use database::Leader;
use kernel::{chain, context::Context};
use messaging::{Tx, health::ConsumerHealth};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Name of the leader election.
const TASK: &str = "order-sweeper";
/// Most orders of one sweep; the others wait for the next.
const ORDERS_PER_SWEEP_MAX: usize = 500;
/// Age of the oldest message in the queue above which no deadline passes, since an answer may be among the messages.
const LAG_MAX: Duration = Duration::from_mins(1);
/// Time for which the consumer must have been current before deadlines pass again: after an interruption, the answers that
/// waited come first.
const SETTLED: Duration = Duration::from_secs(5);

/// The kind of order that a sweep looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Deadline,
    Compensation,
}

/// Sweeps while this instance leads, until `stop`.
pub async fn run(app: App, consumer: Arc<ConsumerHealth>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let Some(mut leader) = Leader::elect(&app.database, TASK, &stop).await else {
            return;
        };
        if let Err(error) = lead(&app, &consumer, &mut leader, &stop).await {
            tracing::warn!(error = chain(&error), "Sweep interrupted");
            // A lasting error must not lead to one election after another.
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
) -> Result<(), TransitionError> {
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

async fn sweep(app: &App, leader: &mut Leader, due: Due) -> Result<(), TransitionError> {
    for _ in 0..ORDERS_PER_SWEEP_MAX {
        if !sweep_one(app, due).await? {
            break;
        }
        leader.check().await?;
    }
    Ok(())
}

/// Sweeps one due order, in a transaction of its own. Returns `false` if none is due.
async fn sweep_one(app: &App, due: Due) -> Result<bool, TransitionError> {
    let mut tx = Tx::begin(&app.database, &Context::new()).await?;
    let found = match due {
        Due::Deadline => sweeps::lock_past_deadline(&mut tx, app.timing.payment_deadline).await?,
        Due::Compensation => sweeps::lock_overdue_compensation(&mut tx, app.timing.compensation_overdue).await?,
    };
    let Some(mut order) = found else { return Ok(false) };
    tx.set_context(context_of(&order));
    advance(&mut tx, &mut order, due).await?;
    tx.commit().await?;
    tracing::info!(order.id = %order.id, correlation_id = order.correlation_id, ?due, "Order swept");
    Ok(true)
}

async fn advance(tx: &mut Tx, order: &mut OrderRecord, due: Due) -> Result<(), TransitionError> {
    let input = match due {
        Due::Deadline => Input::DeadlinePassed,
        Due::Compensation => Input::CompensationOverdue,
    };
    transition::apply(tx, order, input).await
}

/// Returns the context of the request that placed the order, since no request causes a sweep.
fn context_of(order: &OrderRecord) -> Context {
    Context::caused_by(
        &order.correlation_id,
        order.correlation_id.clone(),
        order.traceparent.clone(),
    )
}

/// Reads the section `saga` of the status page.
pub async fn report(app: App) -> Result<SagaReport, sqlx::Error> {
    sweeps::report(&mut *app.database.acquire().await?, app.timing.compensation_overdue).await
}
