//! The plan of a consumer: how it spreads its deliveries over transactions.

use std::time::Duration;

/// Limits of a consumer. With the pool's 16 connections they leave four to requests and jobs when every transaction is busy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Transactions of batches at a time. The events of a subject are of one lane, so that they stay in order and no two
    /// lanes wait for its rows. Without lanes each event has a transaction of its own.
    pub(super) lanes: usize,
    /// Events of one transaction: what they lock is locked until the last of them is handled.
    pub(super) events_max: usize,
    /// Transactions of single events at a time.
    pub(super) singles_max: usize,
    /// Unacknowledged deliveries at a time: those of the batches under way, and as many again that are fetched meanwhile. It
    /// bounds memory and redelivery.
    pub(super) prefetch: u16,
    /// Linger: how long a batch waits for more events after its first.
    pub(super) linger: Duration,
}

impl Plan {
    /// Batches of what waits, at once.
    pub(super) const BATCHES: Self = Self {
        lanes: 4,
        events_max: 64,
        singles_max: 8,
        prefetch: 512,
        linger: Duration::ZERO,
    };
    /// One batch at a time, for a handler that takes a batch as a whole: each costs the same for one event as for many, and
    /// is in no hurry.
    pub(super) const LARGE_BATCHES: Self = Self {
        lanes: 1,
        events_max: 200,
        singles_max: 11,
        prefetch: 400,
        linger: Duration::from_millis(100),
    };
    /// No batches.
    pub(super) const SINGLES: Self = Self {
        lanes: 0,
        events_max: 1,
        singles_max: 12,
        prefetch: 12,
        linger: Duration::ZERO,
    };
}
