//! The state that endpoints, event handlers and sweeps work with.

use crate::{catalogue::Catalogue, store::clock::Steps, users::Users};
use database::Database;
use std::time::Duration;

/// The service's queue.
pub(crate) const QUEUE: &str = "order-queue";

/// Database, upstreams and timing. Cheap to clone; clones share all of it.
#[derive(Debug, Clone)]
pub struct App {
    pub database: Database,
    pub users: Users,
    pub catalogue: Catalogue,
    pub timing: Timing,
}

/// The durations that the sweeper applies.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Time on the deadline clock after which an order fails, if payment and stock have not both answered.
    pub payment_deadline: Duration,
    /// Time after which an unanswered compensation is requested again; doubled each time.
    pub compensation_overdue: Duration,
    /// Interval between two sweeps.
    pub interval: Duration,
}

impl Timing {
    /// Returns the limits of the deadline clock's steps.
    pub fn steps(&self) -> Steps {
        Steps::of(self.payment_deadline)
    }
}
