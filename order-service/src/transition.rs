//! The one step by which an order changes: by HTTP, by event or by the clock.

use crate::{
    domain::{Effect, Input, Refusal},
    published,
    store::{self, CompensationAsk, OrderRecord},
};
use messaging::Tx;

/// An order that did not change.
#[derive(Debug, thiserror::Error)]
pub enum TransitionError {
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the order could not be stored")]
    Database(#[from] sqlx::Error),
}

/// Applies `input` to an order whose row is locked in `tx`, stores the change and publishes the effects.
pub async fn apply(tx: &mut Tx, order: &mut OrderRecord, input: Input) -> Result<(), TransitionError> {
    let before = order.state;
    let effects = order.state.decide(input)?;
    if order.state == before && effects.is_empty() {
        return Ok(());
    }
    let ask = match effects.last() {
        Some(Effect::Failed | Effect::Cancelled) => CompensationAsk::First,
        Some(Effect::CompensationRequested) => CompensationAsk::Again,
        _ => CompensationAsk::None,
    };
    store::save(tx, order, ask).await?;
    for effect in effects {
        published::emit(tx, order, effect).await?;
    }
    Ok(())
}
