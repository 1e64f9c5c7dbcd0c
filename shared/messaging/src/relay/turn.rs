//! A turn of the relay on the session that holds its locks: writes what it decided, looks after its shards, reads rows.

use super::{
    routes::Route,
    shards::Shards,
    table::{self, Horizon, Read},
};
use crate::outbox::OutboxRow;
use database::with_timeout;
use std::time::Duration;

/// The work of one turn.
#[derive(Debug, Default)]
pub(super) struct Request {
    /// Rows to hold back, with the broker's reasons.
    pub(super) holds: Vec<(i64, String)>,
    /// Routes that are refused: refusals in a row, delay of the next trial, the broker's reason.
    pub(super) refused: Vec<(Route, u32, Duration, String)>,
    /// Routes that were refused and are not any more.
    pub(super) accepted: Vec<Route>,
    /// Whether to release the shard that is leaving.
    pub(super) release: bool,
    /// Whether to count the members and take shards.
    pub(super) balance: bool,
    /// Whether to read held rows that are due.
    pub(super) due: bool,
    /// A refused route of which to read one row.
    pub(super) first_of: Option<Route>,
    /// Where to read.
    pub(super) read: Option<ReadRequest>,
}

/// A read of waiting rows.
#[derive(Debug)]
pub(super) struct ReadRequest {
    pub(super) after: i64,
    pub(super) known: Vec<i64>,
    /// True for the first read of a pass.
    pub(super) observe: bool,
}

/// The results of one turn.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// True if shards were gained.
    pub(super) gained: bool,
    pub(super) horizon: Option<Horizon>,
    pub(super) read: Option<Read>,
    /// Held rows whose next attempt is due.
    pub(super) due: Vec<OutboxRow>,
    /// The refused route that was asked for, and a row of it if one is left.
    pub(super) first_of: Option<(Route, Option<OutboxRow>)>,
}

impl Request {
    /// Returns true if there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        let writes = self.holds.len() + self.refused.len() + self.accepted.len();
        let reads = self.due || self.first_of.is_some() || self.read.is_some();
        writes == 0 && !reads && !self.balance && !self.release
    }
}

/// Works a request off. The session comes back in any case; after an error its locks cannot be trusted.
pub(super) async fn take(mut shards: Shards, request: Request) -> (Shards, Result<Answer, sqlx::Error>) {
    let answer = with_timeout(work(&mut shards, request)).await;
    (shards, answer)
}

async fn work(shards: &mut Shards, request: Request) -> Result<Answer, sqlx::Error> {
    let mut answer = Answer::default();
    write(shards, &request).await?;
    if request.release {
        shards.release().await?;
    }
    if request.balance {
        answer.gained = shards.balance().await?;
    }
    let owned = shards.owned().to_vec();
    let connection = shards.connection();
    if request.due {
        answer.due = table::due(connection, &owned).await?;
    }
    if let Some(route) = request.first_of {
        let row = table::first_of(connection, &route, &owned).await?;
        answer.first_of = Some((route, row));
    }
    if let Some(read) = request.read {
        if read.observe {
            answer.horizon = Some(table::horizon(connection).await?);
        }
        answer.read = Some(table::read(connection, read.after, &read.known, &owned).await?);
    }
    Ok(answer)
}

async fn write(shards: &mut Shards, request: &Request) -> Result<(), sqlx::Error> {
    let connection = shards.connection();
    for (id, reason) in &request.holds {
        table::hold(connection, *id, reason).await?;
    }
    for (route, refusals, retry_after, reason) in &request.refused {
        table::refuse(connection, route, *refusals, *retry_after, reason).await?;
    }
    for route in &request.accepted {
        table::accept(connection, route).await?;
    }
    Ok(())
}
