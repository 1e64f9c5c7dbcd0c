//! The sweeper: drives the deadline clock, fails orders whose deadline has passed, and asks again for overdue compensations.
//!
//! One instance sweeps at a time. Two at once would do no harm, since each order is decided under its lock.

use crate::{
    app::App,
    deadline_clock,
    domain::Input,
    store::{
        OrderRecord, clock,
        sweeps::{self, BATCH, SagaReport},
    },
    transition::{self, TransitionError},
};
use database::Leader;
use kernel::{chain, context::Context};
use messaging::Tx;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Name of the leader election.
const TASK: &str = "order-sweeper";
/// Most batches of deadlines in one sweep, so that the clock keeps its beat.
const DEADLINE_BATCHES_MAX: usize = 10;

/// The kind of order that a sweep looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Deadline,
    Compensation,
}

/// Sweeps while this instance leads, until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let Some(mut leader) = Leader::elect(&app.database, TASK, &stop).await else {
            return;
        };
        if let Err(error) = lead(&app, &mut leader, &stop).await {
            tracing::warn!(error = chain(&error), "Sweep interrupted");
            // A lasting error must not lead to one election after another.
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(app.timing.interval) => {}
            }
        }
    }
}

async fn lead(app: &App, leader: &mut Leader, stop: &CancellationToken) -> Result<(), TransitionError> {
    let mut looked_at = None;
    while !stop.is_cancelled() {
        leader.check().await?;
        deadline_clock::send_tick(app).await?;
        looked_at = begin_deadlines(app, looked_at).await?;
        let mut more = sweep_deadlines(app, leader, stop).await?;
        // One batch, so that however many compensations are due, the deadlines have their turn.
        more |= sweep_compensations(app).await?;
        if !more {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(app.timing.interval) => {}
            }
        }
    }
    Ok(())
}

/// Begins deadlines, from where the last sweep has ended.
async fn begin_deadlines(app: &App, after: Option<Uuid>) -> Result<Option<Uuid>, sqlx::Error> {
    let mut connection = app.database.acquire().await?;
    sweeps::begin_deadlines(&mut connection, after, app.timing.payment_deadline).await
}

/// Returns true if more orders are due.
async fn sweep_deadlines(app: &App, leader: &mut Leader, stop: &CancellationToken) -> Result<bool, TransitionError> {
    for _ in 0..DEADLINE_BATCHES_MAX {
        if !sweep_batch(app, Due::Deadline).await? {
            return Ok(false);
        }
        if stop.is_cancelled() {
            break;
        }
        leader.check().await?;
    }
    Ok(true)
}

/// Returns true if more orders are due.
async fn sweep_compensations(app: &App) -> Result<bool, TransitionError> {
    let mut connection = app.database.acquire().await?;
    let scheduled = sweeps::schedule_asks(&mut connection, app.timing.compensation_overdue).await?;
    drop(connection);
    let more = sweep_batch(app, Due::Compensation).await?;
    Ok(more || scheduled == BATCH.unsigned_abs())
}

/// Sweeps a batch of due orders, in one transaction. Returns true if the batch was full.
async fn sweep_batch(app: &App, due: Due) -> Result<bool, TransitionError> {
    let mut tx = Tx::begin(&app.database, &Context::new()).await?;
    let (mut orders, input) = match due {
        Due::Deadline => (sweeps::lock_past_deadline(&mut tx).await?, Input::DeadlinePassed),
        Due::Compensation => (
            sweeps::lock_overdue_compensations(&mut tx).await?,
            Input::CompensationOverdue,
        ),
    };
    if orders.is_empty() {
        return Ok(false);
    }
    for order in &mut orders {
        let context = context_of(&mut tx, order).await?;
        tx.set_context(context);
        transition::apply(&mut tx, order, input).await?;
    }
    tx.commit().await?;
    for order in &orders {
        tracing::info!(order.id = %order.id, correlation_id = order.correlation_id, ?due, "Order swept");
    }
    Ok(orders.len() == usize::try_from(BATCH).unwrap_or_default())
}

/// Returns the context of what a sweep causes. No request causes it: the order's own newest event is what was not answered. Where
/// that is no longer on record, the request that placed the order stands in its place.
async fn context_of(tx: &mut Tx, order: &OrderRecord) -> Result<Context, sqlx::Error> {
    let event = sweeps::newest_event(tx, order.id.uuid()).await?;
    Ok(Context::caused_by(
        &order.correlation_id,
        event.map_or_else(|| order.correlation_id.clone(), |id| id.to_string()),
        order.traceparent.clone(),
    ))
}

/// Reads the age of the deadline clock's last tick.
pub async fn tick_age_s(app: App) -> Result<f64, sqlx::Error> {
    let mut connection = app.database.acquire().await?;
    let clock = clock::report(&mut *connection, app.timing.steps()).await?;
    Ok(clock.tick_age_s)
}

/// Reads the section `saga` of the status page.
pub async fn report(app: App) -> Result<SagaReport, sqlx::Error> {
    let mut connection = app.database.acquire().await?;
    sweeps::report(&mut connection, app.timing.compensation_overdue, app.timing.steps()).await
}
