//! The settings of this service alone; those that every service has are in `runtime`.

use http_client::BaseUrl;
use std::time::Duration;

/// The settings of this service alone.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Base URL of the payment provider.
    #[arg(long, env = "PROVIDER_URL")]
    pub provider_url: BaseUrl,
    /// Limit of one call to the provider in milliseconds; after it the outcome is unknown.
    #[arg(long, env = "PROVIDER_TIMEOUT_MS", default_value_t = 3_000)]
    pub provider_timeout_ms: u64,
}

impl Config {
    /// Returns the limit of one call to the provider.
    pub fn provider_timeout(&self) -> Duration {
        Duration::from_millis(self.provider_timeout_ms)
    }
}
