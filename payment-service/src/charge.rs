//! Performs the intent `charge`.

use crate::{
    App,
    domain::Fact,
    provider::{self, Charge, Outcome},
    transition,
};
use shared::{
    failpoint,
    messaging::{
        failure::Failure,
        intents::{Intent, PerformFuture},
    },
};

/// Charges, and commits what became of it together with the intent's end.
pub fn perform<'a>(app: &'a App, intent: &'a Intent) -> PerformFuture<'a> {
    Box::pin(async move {
        let charge: Charge = serde_json::from_value(intent.payload.clone())
            .map_err(|error| Failure::permanent(format!("the intent cannot be read: {error}")))?;
        let outcome = outcome(app, intent, &charge).await?;
        failpoint::crash("charge-before-commit");
        match outcome {
            Outcome::Captured => transition::settle(app, intent, Fact::ProviderCaptured, None).await,
            Outcome::Declined { reason } => {
                transition::settle(app, intent, Fact::ProviderDeclined, Some(&reason)).await
            }
        }
    })
}

/// The definite outcome, or an error that means "ask again later".
async fn outcome(app: &App, intent: &Intent, charge: &Charge) -> Result<Outcome, Failure> {
    let context = intent.context();
    // An earlier attempt may have succeeded unheard. Charging again with the same key would be safe with a provider
    // that keeps its keys for ever; asking first is safe with any, and does not stall where the charge did.
    if intent.attempts > 1
        && let Some(outcome) = provider::find_charge(&app.provider, &context, intent.id).await?
    {
        return Ok(outcome);
    }
    let unknown = match provider::charge(&app.provider, &context, intent.id, charge).await {
        Ok(outcome) => return Ok(outcome),
        Err(unknown) => unknown,
    };
    if unknown.nothing_sent() {
        return Err(unknown.into());
    }
    // A timeout is not a failure. That the provider does not know the key yet is no answer either: the charge may still
    // be on its way there. And the charge counts as tried, even if the breaker refuses the question.
    match provider::find_charge(&app.provider, &context, intent.id).await {
        Ok(Some(outcome)) => Ok(outcome),
        Ok(None) | Err(_) => Err(unknown.into()),
    }
}
