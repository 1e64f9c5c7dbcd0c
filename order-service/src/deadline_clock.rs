//! The deadline clock: counts the time in which an answer could come (`docs/adr/0013-deadlines-count-the-time-in-which-an-answer-could-come.md`).
//!
//! A *tick* is a message of this service to itself. It takes the way of every event: outbox, relay, broker, queue, consumer. The
//! queue is first in, first out, so when it returns, the answers that waited before it have been delivered. Each tick that returns
//! adds the time since the one before was sent, up to a limit: while any part of the way stands still, so does the clock.

use crate::{
    app::{App, QUEUE},
    store::clock::{self, Advanced},
};
use kernel::context::Context;
use messaging::{Consume, Envelope, Event, Failure, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The message that drives the clock.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Tick {
    number: i64,
}

impl Event for Tick {
    const TYPE: &'static str = "deadline_clock.ticked";

    /// There is one clock.
    fn subject(&self) -> Uuid {
        Uuid::nil()
    }
}

/// Sends the next tick, if orders are open and none is under way.
pub(crate) async fn send_tick(app: &App) -> Result<(), sqlx::Error> {
    let mut tx = Tx::begin(&app.database, &Context::new()).await?;
    let Some(number) = clock::next_tick(&mut tx).await? else {
        return Ok(());
    };
    tx.loop_back(QUEUE, &Tick { number }).await?;
    tx.commit().await
}

impl Consume<App> for Tick {
    const TYPES: &'static [&'static str] = &[<Self as Event>::TYPE];

    async fn handle(self, event: &Envelope, app: &App, tx: &mut Tx) -> Result<(), Failure> {
        let advanced = clock::advance(tx, self.number, app.timing.steps()).await?;
        // The clock's row recognises a repetition, and a tick each second would fill the inbox.
        tx.forget(event).await?;
        if let Some(Advanced {
            under_way_s,
            interrupted: true,
        }) = advanced
        {
            tracing::warn!(
                code = "deadlines.postponed",
                under_way_s,
                "Answers could not come for a while; deadlines are postponed by that time"
            );
        }
        Ok(())
    }
}
