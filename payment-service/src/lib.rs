//! Payments and refunds.
//!
//! Read [`domain`] for what becomes of a payment, [`transition`] for how that is carried out in one transaction,
//! [`events`] for what comes in and goes out, [`charge`] and [`refund`] for the calls to the provider behind
//! [`provider`]. The sandbox provider is a program of its own, `sandbox-provider`.

pub mod charge;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod provider;
pub mod refund;
pub mod status;
pub mod store;
pub mod transition;

use config::Config;
use shared::{
    database::Database,
    http_client::{ClientConfig, ResilientHttpClient},
    service::{Base, Service, StartError},
};
use std::time::Duration;

/// The service's tables.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// What handlers and workers work with.
#[derive(Debug, Clone)]
pub struct App {
    /// Payments, intents, outbox, inbox.
    pub database: Database,
    /// The way to the payment provider.
    pub provider: ResilientHttpClient,
}

/// Wires the service.
#[expect(clippy::unused_async, reason = "the bootstrap awaits every service's assembly")]
pub async fn assemble(config: Config, base: Base) -> Result<Service, StartError> {
    let app = App {
        database: base.database.clone(),
        provider: base.http_client_with(to_provider(&config)),
    };
    let reading = app.clone();
    Ok(Service::new(base)
        .routes(http::routes(app.clone()))
        .consume("payment-queue", events::CONSUMES, app.clone())
        .perform("charge", charge::perform, app.clone())
        .perform("refund", refund::perform, app)
        .status("payments", move || status::unsettled(reading.clone())))
}

fn to_provider(config: &Config) -> ClientConfig {
    let mut client = ClientConfig::new("payment-provider", config.provider_url.clone());
    client.attempt_timeout = config.provider_timeout;
    client.deadline = config.provider_timeout + Duration::from_secs(1);
    // The intent is what tries again, and it asks what became of the last try first. A retry in here would not.
    client.retry.retries_max = 0;
    // Taking seconds is normal for a provider; what is too slow ends at the timeout.
    client.breaker.slow_call = config.provider_timeout;
    // Money waits for it, and orders have a deadline: ask again soon, however long it has been away. With half a minute
    // between probes, a few cards that fail twice each would hold up everybody's payment for minutes, since it is their
    // own tries that are the probes (`docs/adr/0006-breakers-on-the-customers-way-ask-sooner.md`).
    client.breaker.open_for = Duration::from_secs(1);
    client.breaker.open_for_max = Duration::from_secs(2);
    client
}
