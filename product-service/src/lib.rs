//! The catalogue and its stock.
//!
//! [`domain`] decides what an order's events do to the stock, and [`transition`] applies the decision in one transaction.
//! [`events`] lists the events consumed, [`published`] the events published, [`http`] the catalogue's routes.

pub mod app;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod published;
pub mod store;
pub mod transition;

use app::App;
use config::Config;
use runtime::{Base, Service, StartError};
use std::process::ExitCode;

/// The migrations of the service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Runs the service until a signal stops it.
pub fn main() -> ExitCode {
    runtime::serve(runtime::program!(), &MIGRATOR, assemble)
}

/// Puts the service together.
pub async fn assemble(_config: Config, base: Base) -> Result<Service, StartError> {
    let app = App {
        database: base.database.clone(),
    };
    Ok(Service::new(&base)
        .routes(http::routes(app.clone()))
        .consumer(events::consumer(), app))
}
