//! Jobs: durable calls to the outside, enqueued with the rows that need them and run by a leased worker.
//!
//! No transaction is open across the call. A worker claims a job (which counts the attempt before any call), makes the
//! call, and commits the result together with the completion. If it dies, the lease expires and another worker claims the
//! job, with the same id, from which the idempotency key of the call derives. A job that cannot succeed is parked: it waits
//! for an operator, as a dead letter does. The table is called `intents`.

mod attempt;
mod availability;
mod job;
mod lane;
mod operator;
mod pending;
mod schedule;
mod table;
mod worker;

pub use job::{Job, JobClaim};
pub(crate) use operator::changed_or_refused;
pub use operator::{JobRecord, OpenState, ResolveError, get, list, retry, retry_all};
pub use pending::{PendingJobs, pending};
pub(crate) use table::{cancel, complete, insert};
pub use worker::run_worker;
