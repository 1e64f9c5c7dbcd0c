//! The facts about a call that travel through the middleware chain in the request's extensions.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::time::Instant;

/// Header whose presence makes a repeated request one request.
pub(super) const IDEMPOTENCY_HEADER: &str = "idempotency-key";

/// Time at which the call must be over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(pub(super) Instant);

/// Set once an attempt was begun, so that something may have reached the upstream.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent(Arc<AtomicBool>);

impl Sent {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
