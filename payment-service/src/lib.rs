//! Payments and refunds.
//!
//! [`domain`] decides how a payment goes on, and [`transition`] applies the decision in one transaction. [`events`] and
//! [`published`] are the messages in and out, [`jobs`] the calls to the [`provider`], [`http`] the API, [`store`] the SQL.
//! The sandbox provider is a program of its own, `sandbox-provider`.

pub mod app;
pub mod config;
pub mod domain;
pub mod events;
pub mod http;
pub mod jobs;
pub mod provider;
pub mod published;
pub mod status;
pub mod store;
pub mod transition;

use app::App;
use config::Config;
use provider::{Charge, ProviderClient, Refund};
use runtime::{Base, Service, StartError};
use std::process::ExitCode;

/// The migrations of the service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Runs the service until a signal stops it.
pub fn main() -> ExitCode {
    runtime::serve(runtime::program!(), &MIGRATOR, assemble)
}

/// Puts the service together.
pub async fn assemble(config: Config, base: Base) -> Result<Service, StartError> {
    let client = base.http_client_with(provider::client_config(&config));
    let app = App {
        database: base.database.clone(),
        provider: ProviderClient::new(client),
    };
    let database = base.database.clone();
    Ok(Service::new(&base)
        .routes(http::routes(app.clone()))
        .consumer(events::consumer(), app.clone())
        .job::<Charge>(app.clone())
        .discard::<Charge>()
        .job::<Refund>(app)
        .discard::<Refund>()
        .status("payments", move || status::payments(database.clone())))
}
