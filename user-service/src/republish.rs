//! Publishes `user.updated` for every user, so that other services can rebuild their projections.
//!
//! One job publishes one batch and enqueues the next in the same transaction: memory stays small however many users there
//! are, and a restarted process continues with the next batch.

use crate::{
    app::App,
    domain::UserId,
    published::{Contact, UserUpdated},
    store,
};
use kernel::id;
use messaging::{Failure, Job, JobClaim, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const BATCH: i64 = 200;

/// The job that publishes the next batch of users.
#[derive(Debug, Serialize, Deserialize)]
pub struct RepublishUsers {
    /// The last user of the batch before.
    after: UserId,
}

/// Enqueues the job that publishes the first batch.
pub async fn enqueue(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let run = id::new();
    let after = UserId::from(Uuid::nil());
    tx.enqueue(run, run, &RepublishUsers { after }).await
}

impl Job for RepublishUsers {
    const KIND: &'static str = "republish-users";

    type App = App;

    async fn run(self, claim: &JobClaim, app: &App) -> Result<(), Failure> {
        let mut tx = Tx::begin(&app.database, &claim.context()).await?;
        let users = store::users::lock_batch(&mut tx, self.after, BATCH).await?;
        for user in &users {
            tx.emit(&UserUpdated(Contact::from(user))).await?;
        }
        if let Some(last) = users.last() {
            let next = RepublishUsers { after: last.id };
            tx.enqueue(id::new(), claim.subject, &next).await?;
        }
        if tx.complete(claim).await? {
            tx.commit().await?;
        }
        Ok(())
    }
}
