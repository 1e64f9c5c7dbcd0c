//! The settings that only this service has.

use shared::config::{ConfigError, Env};
use std::num::NonZeroU16;

const RETENTION_DAYS: NonZeroU16 = NonZeroU16::new(30).expect("30 is not zero");

/// Read once, at start.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// `RETENTION_DAYS`: how many days an event is kept after the day on which it was stored.
    pub retention_days: NonZeroU16,
}

impl Config {
    /// Reads the variables.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            retention_days: env.or("RETENTION_DAYS", RETENTION_DAYS)?,
        })
    }
}
