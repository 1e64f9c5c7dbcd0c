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
pub mod store;
pub mod transition;

use config::Config;
use shared::{
    database::Database,
    http_client::ResilientHttpClient,
    service::{Base, Service, StartError},
};

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
    let provider = base.http_client("payment-provider", config.provider_url);
    let app = App { database: base.database.clone(), provider };
    Ok(Service::new(base)
        .routes(http::routes(app.clone()))
        .consume("payment-queue", events::CONSUMES, app.clone())
        .perform("charge", charge::perform, app.clone())
        .perform("refund", refund::perform, app))
}
