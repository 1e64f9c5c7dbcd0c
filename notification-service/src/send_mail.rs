//! The job that sends the mail of one notification.

use crate::{app::App, domain::NotificationId, mailer::Outcome, store};
use kernel::{clock, failpoint};
use messaging::{Failure, Job, JobClaim, Tx, discard::Discard, jobs::JobRecord};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A mail to send. The job's id is the notification's id.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SendMail {
    /// Type of the event that the notification is about, for operators who read the table of jobs.
    pub(crate) kind: String,
}

impl Job for SendMail {
    const KIND: &'static str = "mail";

    /// As long as a mail server tries at least (RFC 5321, 4.5.4.1); then an operator decides.
    const LIFETIME: Option<Duration> = Some(Duration::from_hours(5 * 24));

    /// With those of failed jobs 24 connections, so that two instances stay below what Postfix takes from one client
    /// (`smtpd_client_connection_count_limit`, 50).
    const CALLS_MAX: usize = 16;

    type App = App;

    async fn run(self, claim: &JobClaim, app: &App) -> Result<(), Failure> {
        let id = NotificationId::from(claim.id);
        // Not in the match itself, which would hold the connection while the mail is sent.
        let mail = store::pending_mail(&mut *app.database.acquire().await?, id).await?;
        let outcome = match mail {
            Some(mail) => Some(app.mailer.send(&mail).await?),
            None => None,
        };
        if matches!(outcome, Some(Outcome::Sent)) {
            failpoint::crash("mail-before-commit");
        }
        let mut tx = Tx::begin(&app.database, &claim.context()).await?;
        match outcome {
            Some(Outcome::Sent) => store::record_outcome(&mut tx, id, None, clock::now()).await?,
            Some(Outcome::Rejected(reason)) => {
                tracing::warn!(notification.id = %id, order.id = %claim.subject, reason, "Mail rejected permanently");
                store::record_outcome(&mut tx, id, Some(&reason), clock::now()).await?;
            }
            None => {}
        }
        if tx.complete(claim).await? {
            tx.commit().await?;
        }
        Ok(())
    }
}

impl Discard for SendMail {
    /// The mail has failed, and the customer's list says so.
    async fn discarded(job: &JobRecord, reason: &str, tx: &mut Tx) -> Result<(), Failure> {
        let failure = format!("discarded by an operator: {reason}");
        store::record_outcome(tx, NotificationId::from(job.id), Some(&failure), clock::now()).await?;
        Ok(())
    }
}
