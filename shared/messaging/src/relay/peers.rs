//! Wake-ups between the instances of a service: the member that owns a shard learns at once of a commit elsewhere.
//!
//! The notification follows the commit in a statement of its own. Inside the transaction it would take a lock on the whole
//! database until the commit is on disk, and all commits would take turns. One that is lost costs a poll interval.

use super::state::RelayState;
use crate::outbox;
use database::Database;
use kernel::chain;
use sqlx::postgres::PgListener;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Topic of the signal that another instance has committed events.
pub(super) const TOPIC: &str = "outbox-peers";
/// Channel of the notifications.
const CHANNEL: &str = "outbox";
/// Least interval between two notifications of one instance.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(2);
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Tells the other instances of commits, and listens for theirs, while there may be others; until `stop`.
pub(super) async fn run(database: &Database, state: &Arc<RelayState>, stop: &CancellationToken) {
    let exchange = async { tokio::join!(tell(database, state), hear(database, state)) };
    stop.run_until_cancelled(exchange).await;
}

async fn tell(database: &Database, state: &Arc<RelayState>) {
    let mut committed = database.signals().subscribe(outbox::TOPIC);
    loop {
        committed.notified().await;
        committed.clear();
        if state.is_alone() {
            continue;
        }
        if let Err(error) = notify(database).await {
            tracing::debug!(
                dependency = "postgres",
                error = chain(&error),
                "The other instances were not told of a commit; they poll"
            );
        }
        tokio::time::sleep(NOTIFY_INTERVAL).await;
    }
}

async fn notify(database: &Database) -> Result<(), sqlx::Error> {
    let mut connection = database.acquire().await?;
    let notification = sqlx::query("select pg_notify($1, '')").bind(CHANNEL);
    notification.execute(&mut *connection).await.map(drop)
}

async fn hear(database: &Database, state: &Arc<RelayState>) {
    loop {
        state.until_alone_is(false).await;
        let listening = listen(database);
        tokio::select! {
            Err(error) = listening => {
                tracing::info!(dependency = "postgres", error = chain(&error), "Not hearing of other instances' commits; polling");
                tokio::time::sleep(RETRY_DELAY).await;
            }
            () = state.until_alone_is(true) => {}
        }
    }
}

async fn listen(database: &Database) -> Result<std::convert::Infallible, sqlx::Error> {
    let mut listener: PgListener = database.listener().await?;
    listener.listen(CHANNEL).await?;
    loop {
        listener.recv().await?;
        database.signals().notify(TOPIC);
    }
}
