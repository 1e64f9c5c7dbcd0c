//! What is done with an event of any type, `#`: it is stored, and counted.

use crate::{App, domain, store};
use shared::{
    clock,
    database::Tx,
    messaging::{consumer::HandlerFuture, envelope::Envelope, failure::Failure},
};

/// Stores a batch in one transaction. Events that are late, or from the future, go where all go: into today's partition.
pub(crate) fn store<'a>(_app: &'a App, tx: &'a mut Tx, events: &'a [Envelope]) -> HandlerFuture<'a> {
    Box::pin(async move {
        let today = clock::now().date_naive();
        let counts = domain::count(
            events
                .iter()
                .map(|event| (event.metadata.timestamp, event.event_type.as_str())),
        );
        store::insert_events(tx, today, events).await.map_err(classify)?;
        store::add_to_counters(tx, &counts).await.map_err(classify)?;
        Ok(())
    })
}

/// PostgreSQL refuses some values that JSON allows (a NUL in a string, a year far away): class 22, and it always will.
/// 23514 is "no partition for this day": ours to mend ([`crate::partitions`]), and no fault of the event.
fn classify(error: sqlx::Error) -> Failure {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    match code.as_deref() {
        Some(code) if code.starts_with("22") => Failure::permanent(format!("the event cannot be stored: {error}")),
        Some("23514") => Failure::Infrastructure(Box::new(error)),
        _ => error.into(),
    }
}
