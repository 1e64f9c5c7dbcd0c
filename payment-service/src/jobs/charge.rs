//! The job `charge`.

use crate::{
    app::App,
    domain::{Input, OrderId, PaymentId, State},
    provider::{Charge, ChargeOutcome},
    store, transition,
};
use kernel::failpoint;
use messaging::{Failure, Job, JobClaim, Tx, discard::Discard, jobs::JobRecord};
use std::time::Duration;

impl Job for Charge {
    const KIND: &'static str = "charge";
    /// Customers wait for it, and their orders have a deadline of minutes.
    const DELAY_MAX: Duration = Duration::from_mins(1);
    type App = App;

    /// Charges, or makes sure that nothing is charged for an order that has ended; commits the outcome together with the
    /// job's completion.
    async fn run(self, claim: &JobClaim, app: &App) -> Result<(), Failure> {
        let outcome = definite_outcome(&self, claim, app).await?;
        failpoint::crash("charge-before-commit");
        let input = match outcome {
            ChargeOutcome::Captured => Input::ChargeCaptured,
            ChargeOutcome::Declined { reason } => Input::ChargeDeclined { reason },
            ChargeOutcome::Voided => Input::ChargeVoided,
        };
        transition::settle(&app.database, claim, input).await
    }
}

impl Discard for Charge {
    async fn discarded(job: &JobRecord, _: &str, tx: &mut Tx) -> Result<(), Failure> {
        transition::charge_discarded(tx, OrderId::from(job.subject), job.attempts > 0).await
    }
}

/// Returns the definite outcome; an error means that it must be queried later.
async fn definite_outcome(charge: &Charge, claim: &JobClaim, app: &App) -> Result<ChargeOutcome, Failure> {
    let (key, context) = (PaymentId::from(claim.id), claim.context());
    let may_have_been_sent = claim.attempts > 1;
    // An earlier attempt may have succeeded without its answer arriving. Repeating the charge under the same key would be
    // safe with a provider that keeps its keys without limit; a query first is safe with any, and does not stall where the
    // charge did.
    if may_have_been_sent && let Some(outcome) = app.provider.find_charge(&context, key).await? {
        return Ok(outcome);
    }
    // Read as late as possible: an order that ends from here on has its charge under way, and is refunded.
    match state(claim, app).await? {
        State::Charging => send(charge, claim, app).await,
        State::ToClose if may_have_been_sent => Ok(app.provider.void_charge(&context, key).await?),
        State::ToClose => Ok(ChargeOutcome::Voided),
        other => Err(Failure::permanent(format!(
            "nothing is to be charged, the payment is {other}"
        ))),
    }
}

async fn state(claim: &JobClaim, app: &App) -> Result<State, Failure> {
    // Not in the match itself, which would hold the connection during the call.
    let payment = store::find(&mut *app.database.acquire().await?, OrderId::from(claim.subject)).await?;
    let payment = payment.ok_or_else(|| Failure::permanent("the job's payment does not exist"))?;
    Ok(payment.state)
}

async fn send(charge: &Charge, claim: &JobClaim, app: &App) -> Result<ChargeOutcome, Failure> {
    let (key, context) = (PaymentId::from(claim.id), claim.context());
    let unknown = match app.provider.charge(&context, key, charge).await {
        Ok(outcome) => return Ok(outcome),
        Err(unknown) => unknown,
    };
    if unknown.nothing_sent() {
        return Err(unknown.into());
    }
    // A timeout is not a failure. Neither is an unknown key: the charge may still be on its way to the provider. The first
    // error is the one returned, so the attempt counts as tried even if the breaker refuses the query.
    match app.provider.find_charge(&context, key).await {
        Ok(Some(outcome)) => Ok(outcome),
        Ok(None) | Err(_) => Err(unknown.into()),
    }
}
