//! The configuration of this service.

use std::num::NonZeroU16;

/// The settings of this service alone.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Days that an event is kept after the day on which it was stored.
    #[arg(long, env = "RETENTION_DAYS", default_value = "30")]
    pub retention_days: NonZeroU16,
}
