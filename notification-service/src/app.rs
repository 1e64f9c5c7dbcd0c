//! The state that handlers and jobs share.

use crate::mailer::Mailer;
use chrono::TimeDelta;
use database::Database;

#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) database: Database,
    pub(crate) mailer: Mailer,
    /// Limit on the time that a mail waits for its order's owner and their address.
    pub(crate) wait_max: TimeDelta,
}
