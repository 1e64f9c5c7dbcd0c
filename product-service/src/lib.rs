//! The catalogue and its stock.
//!
//! Read [`domain`] for what an order's events do to the stock, [`transition`] for how that is carried out in one
//! transaction, [`events`] for what comes in and goes out, [`http`] for the catalogue's routes.

pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod store;
pub mod transition;

use config::Config;
use shared::{
    database::Database,
    service::{Base, Service, StartError},
};

/// The service's tables.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// What handlers work with.
#[derive(Debug, Clone)]
pub struct App {
    /// Catalogue, stock, outbox, inbox.
    pub database: Database,
}

/// Wires the service.
#[expect(clippy::unused_async, reason = "the bootstrap awaits every service's assembly")]
pub async fn assemble(_config: Config, base: Base) -> Result<Service, StartError> {
    let app = App {
        database: base.database.clone(),
    };
    Ok(Service::new(base)
        .routes(http::routes(app.clone()))
        .consume("inventory-queue", events::CONSUMES, app))
}
