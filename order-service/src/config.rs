//! The settings of this service alone; those that every service has are in `runtime`.

use http_client::BaseUrl;
use std::time::Duration;

/// The settings of this service alone.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Base URL of user-service.
    #[arg(long, env = "USER_SERVICE_URL")]
    pub user_service_url: BaseUrl,
    /// Base URL of product-service.
    #[arg(long, env = "PRODUCT_SERVICE_URL")]
    pub product_service_url: BaseUrl,
    /// Time in seconds after which an order fails, if payment and stock have not both answered; counted while answers can come.
    #[arg(long, env = "PAYMENT_DEADLINE_S", default_value_t = 900)]
    pub payment_deadline_s: u64,
    /// Time in seconds after which an unanswered compensation is requested again; doubled each time.
    #[arg(long, env = "COMPENSATION_OVERDUE_S", default_value_t = 60)]
    pub compensation_overdue_s: u64,
    /// Interval in milliseconds at which deadlines and compensations are swept.
    #[arg(long, env = "SWEEP_INTERVAL_MS", default_value_t = 1_000)]
    pub sweep_interval_ms: u64,
}

impl Config {
    /// Returns the time on the deadline clock after which an order fails without both answers.
    pub fn payment_deadline(&self) -> Duration {
        Duration::from_secs(self.payment_deadline_s)
    }

    /// Returns the time after which a compensation is requested again.
    pub fn compensation_overdue(&self) -> Duration {
        Duration::from_secs(self.compensation_overdue_s)
    }

    /// Returns the interval between two sweeps.
    pub fn sweep_interval(&self) -> Duration {
        Duration::from_millis(self.sweep_interval_ms)
    }
}
