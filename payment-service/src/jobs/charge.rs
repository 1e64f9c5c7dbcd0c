//! The job `charge`.

use crate::{
    app::App,
    domain::{Input, PaymentId},
    provider::{Charge, ChargeOutcome},
    transition,
};
use kernel::failpoint;
use messaging::{Failure, Job, JobClaim};

impl Job for Charge {
    const KIND: &'static str = "charge";
    type App = App;

    /// Charges, and commits the outcome together with the job's completion.
    async fn run(self, claim: &JobClaim, app: &App) -> Result<(), Failure> {
        let outcome = definite_outcome(&self, claim, app).await?;
        failpoint::crash("charge-before-commit");
        let input = match outcome {
            ChargeOutcome::Captured => Input::ChargeCaptured,
            ChargeOutcome::Declined { reason } => Input::ChargeDeclined { reason },
        };
        transition::settle(&app.database, claim, input).await
    }
}

/// Returns the definite outcome; an error means that it must be queried later.
async fn definite_outcome(charge: &Charge, claim: &JobClaim, app: &App) -> Result<ChargeOutcome, Failure> {
    let (key, context) = (PaymentId::from(claim.id), claim.context());
    // An earlier attempt may have succeeded without its answer arriving. Repeating the charge under the same key would be
    // safe with a provider that keeps its keys without limit; a query first is safe with any, and does not stall where the
    // charge did.
    if claim.attempts > 1
        && let Some(outcome) = app.provider.find_charge(&context, key).await?
    {
        return Ok(outcome);
    }
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
