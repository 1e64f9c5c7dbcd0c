//! Keeps every event for a while, and counts all of them.
//!
//! Events come in batches (`events`) and are stored whole, in one partition per day ([`partitions`]). From them the API
//! (`http`) reads the timeline of a subject, and the counters of each type of event.

mod app;
mod config;
mod domain;
mod events;
mod http;
pub mod partitions;
mod store;

pub use config::Config;

use app::App;
use kernel::clock;
use runtime::{Base, Service, StartError};
use std::process::ExitCode;

/// The migrations of the service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Runs the service until a signal stops it.
pub fn main() -> ExitCode {
    runtime::serve(runtime::program!(), &MIGRATOR, assemble)
}

/// Puts the service together. Today's partition exists before the first event is consumed, which needs it.
pub async fn assemble(config: Config, base: Base) -> Result<Service, StartError> {
    let retention_days = config.retention_days;
    partitions::maintain(&base.database, clock::now().date_naive(), retention_days).await?;
    let app = App {
        database: base.database.clone(),
    };
    let (maintained, reported) = (base.database.clone(), base.database.clone());
    Ok(Service::new(&base)
        .routes(http::routes(app.clone()))
        .consumer(events::consumer(), app)
        .worker("partitions", move |stop| {
            partitions::run(maintained.clone(), retention_days, stop)
        })
        .status("events", move || partitions::status(reported.clone())))
}
