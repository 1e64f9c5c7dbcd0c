//! The one step by which an order changes, whoever causes it.

use crate::{
    domain::{Emitted, Input, Refusal},
    events::published,
    store::{self, Asked, OrderRecord},
};
use shared::database::Tx;

/// Why an order did not change.
#[derive(Debug, thiserror::Error)]
pub enum AdvanceError {
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be stored.
    #[error("the order could not be stored")]
    Database(#[from] sqlx::Error),
}

/// Applies `input` to an order whose row is locked in `tx`, stores what changed and emits what follows.
pub async fn advance(tx: &mut Tx, order: &mut OrderRecord, input: Input) -> Result<(), AdvanceError> {
    let before = order.state;
    let emitted = order.state.apply(input)?;
    if order.state == before && emitted.is_empty() {
        return Ok(());
    }
    let asked = match emitted.last() {
        Some(Emitted::Failed | Emitted::Cancelled) => Asked::First,
        Some(Emitted::CompensationRequested) => Asked::Again,
        _ => Asked::Not,
    };
    store::save(tx, order, asked).await?;
    for event in emitted {
        published::emit(tx, order, event).await?;
    }
    Ok(())
}
