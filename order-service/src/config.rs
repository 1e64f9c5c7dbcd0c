//! Settings of this service; those that all services have are read by [`shared::service`].

use shared::{
    config::{ConfigError, Env},
    http_client::BaseUrl,
};
use std::time::Duration;

/// What this service is told by its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// `USER_SERVICE_URL`
    pub user_service_url: BaseUrl,
    /// `PRODUCT_SERVICE_URL`
    pub product_service_url: BaseUrl,
    /// `PAYMENT_DEADLINE_S`: an order fails when payment and stock have not both answered by then.
    pub payment_deadline: Duration,
    /// `COMPENSATION_OVERDUE_S`: when payment and stock are asked again to give back what they hold.
    pub compensation_overdue: Duration,
    /// `SWEEP_INTERVAL_MS`: how often deadlines and compensations are looked at.
    pub sweep_interval: Duration,
}

impl Config {
    /// Reads the environment.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            user_service_url: env.required("USER_SERVICE_URL")?,
            product_service_url: env.required("PRODUCT_SERVICE_URL")?,
            payment_deadline: Duration::from_secs(env.or("PAYMENT_DEADLINE_S", 900)?),
            compensation_overdue: Duration::from_secs(env.or("COMPENSATION_OVERDUE_S", 60)?),
            sweep_interval: Duration::from_millis(env.or("SWEEP_INTERVAL_MS", 1000)?),
        })
    }
}
