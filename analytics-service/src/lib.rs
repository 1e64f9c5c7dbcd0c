//! Keeps every event for a while, and counts them for good.
//!
//! Events come in batches ([`events`]) and are stored whole, one partition for each day ([`partitions`]). From them come
//! the timeline of one subject and the counters of each type ([`http`]).

mod config;
mod domain;
mod events;
mod http;
pub mod partitions;
mod store;

pub use config::Config;

use shared::{
    clock,
    database::Database,
    service::{Base, Service, StartError},
};

/// The database's schema.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// What handlers and endpoints share.
#[derive(Debug, Clone)]
struct App {
    database: Database,
}

/// Wires the service together.
pub async fn assemble(config: Config, base: Base) -> Result<Service, StartError> {
    let app = App {
        database: base.database.clone(),
    };
    // Before the first event is taken: it needs today's partition.
    partitions::maintain(&app.database, clock::now().date_naive(), config.retention_days).await?;
    let (worker_database, status_database) = (app.database.clone(), app.database.clone());
    Ok(Service::new(base)
        .routes(http::routes(app.clone()))
        .consume_batches("analytics-queue", events::store, app)
        .worker("partitions", move |stop| {
            partitions::work(worker_database.clone(), config.retention_days, stop)
        })
        .status("events", move || partitions::status(status_database.clone())))
}
