//! The job `refund`.

use crate::{
    app::App,
    domain::{Input, OrderId, RefundId},
    provider::Refund,
    transition,
};
use kernel::failpoint;
use messaging::{Failure, Job, JobClaim, Tx, discard::Discard, jobs::JobRecord};

impl Job for Refund {
    const KIND: &'static str = "refund";
    type App = App;

    /// Refunds, and commits that together with the job's completion. Attempts have no limit: the money is owed.
    async fn run(self, claim: &JobClaim, app: &App) -> Result<(), Failure> {
        ensure_refunded(&self, claim, app).await?;
        failpoint::crash("refund-before-commit");
        transition::settle(&app.database, claim, Input::RefundSucceeded).await
    }
}

impl Discard for Refund {
    async fn discarded(job: &JobRecord, _: &str, tx: &mut Tx) -> Result<(), Failure> {
        transition::refund_discarded(tx, OrderId::from(job.subject)).await
    }
}

/// Returns once the provider confirms the refund; an error means that it must be queried later.
async fn ensure_refunded(refund: &Refund, claim: &JobClaim, app: &App) -> Result<(), Failure> {
    let (key, context) = (RefundId::from(claim.id), claim.context());
    if claim.attempts > 1 && app.provider.find_refund(&context, key).await? {
        return Ok(());
    }
    let Err(unknown) = app.provider.refund(&context, key, refund).await else {
        return Ok(());
    };
    // As with a charge, the attempt counts as tried, whatever the query brings.
    let is_refunded = !unknown.nothing_sent() && matches!(app.provider.find_refund(&context, key).await, Ok(true));
    if is_refunded { Ok(()) } else { Err(unknown.into()) }
}
