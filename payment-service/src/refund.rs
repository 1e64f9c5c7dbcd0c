//! Performs the intent `refund`.

use crate::{
    App,
    domain::Fact,
    provider::{self, Refund},
    transition,
};
use shared::{
    failpoint,
    messaging::{
        failure::Failure,
        intents::{Intent, PerformFuture},
    },
};

/// Refunds, and commits that together with the intent's end. There is no giving up: the money is owed.
pub fn perform<'a>(app: &'a App, intent: &'a Intent) -> PerformFuture<'a> {
    Box::pin(async move {
        let refund: Refund = serde_json::from_value(intent.payload.clone())
            .map_err(|error| Failure::permanent(format!("the intent cannot be read: {error}")))?;
        ensure_refunded(app, intent, &refund).await?;
        failpoint::crash("refund-before-commit");
        transition::settle(app, intent, Fact::ProviderRefunded, None).await
    })
}

/// Returns once the provider says that it has refunded; an error means "ask again later".
async fn ensure_refunded(app: &App, intent: &Intent, refund: &Refund) -> Result<(), Failure> {
    let context = intent.context();
    if intent.attempts > 1 && provider::find_refund(&app.provider, &context, intent.id).await? {
        return Ok(());
    }
    let Err(unknown) = provider::refund(&app.provider, &context, intent.id, refund).await else {
        return Ok(());
    };
    // As with the charge: it counts as tried, whatever becomes of the question.
    let is_refunded = !unknown.nothing_sent()
        && matches!(
            provider::find_refund(&app.provider, &context, intent.id).await,
            Ok(true)
        );
    if is_refunded { Ok(()) } else { Err(unknown.into()) }
}
