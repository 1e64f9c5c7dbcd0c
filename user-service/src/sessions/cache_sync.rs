//! Synchronization of the session cache with the rows in PostgreSQL.

use crate::{
    app::App,
    domain::{CachedSession, SessionId},
    error::Error,
    session_cache::CacheError,
    store::{self, sessions::UserSession},
};
use chrono::{DateTime, Utc};
use kernel::{chain, id};
use messaging::{Failure, Job, JobClaim, Tx};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Delay of the next attempt. It is short, since an attempt is cheap, and the gateway accepts a session that has ended until
/// its copy is removed.
const REDIS_RETRY_DELAY: Duration = Duration::from_secs(2);

/// The job that brings the cached copy of a session in line with its rows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncSessionCache {
    session_id: SessionId,
}

/// Enqueues the job in the transaction that changes the session's rows, so that it runs whatever happens after the commit.
pub async fn enqueue_cache_sync(tx: &mut Tx, session: UserSession) -> Result<(), sqlx::Error> {
    let job = SyncSessionCache { session_id: session.id };
    tx.enqueue(id::new(), session.user_id.uuid(), &job).await
}

/// Synchronizes the copy before the client has its answer. If that fails, the job that was enqueued does it later.
pub async fn sync_cache(app: &App, session_id: SessionId) {
    if let Err(error) = sync(app, session_id).await {
        let dependency = match &error {
            Error::Database(_) => "postgres",
            _ => "redis",
        };
        let error = chain(&error);
        tracing::warn!(session.id = %session_id, dependency, error, "Session cache not synchronized yet; its job will synchronize it");
    }
}

impl Job for SyncSessionCache {
    const KIND: &'static str = "mirror-session";

    type App = App;

    async fn run(self, claim: &JobClaim, app: &App) -> Result<(), Failure> {
        sync(app, self.session_id).await.map_err(|error| match error {
            Error::Database(error) => error.into(),
            error => Failure::retry_after(REDIS_RETRY_DELAY, chain(&error)),
        })?;
        let mut tx = Tx::begin(&app.database, &claim.context()).await?;
        if tx.complete(claim).await? {
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Writes what the rows say, then reads them again: between the read and the write another process may have changed the
/// rows, and even have written the newer copy. The last writer has read the rows after its write, so the final copy is right.
async fn sync(app: &App, session_id: SessionId) -> Result<(), Error> {
    let mut stored = store::sessions::find_cacheable(&mut *app.database.acquire().await?, session_id).await?;
    loop {
        write(app, session_id, stored.as_ref()).await?;
        let now = store::sessions::find_cacheable(&mut *app.database.acquire().await?, session_id).await?;
        if now == stored {
            return Ok(());
        }
        stored = now;
    }
}

async fn write(
    app: &App,
    session_id: SessionId,
    stored: Option<&(CachedSession, DateTime<Utc>)>,
) -> Result<(), CacheError> {
    match stored {
        Some((session, expires_at)) => app.session_cache.put(session_id, session, *expires_at).await,
        None => app.session_cache.remove(session_id).await,
    }
}
