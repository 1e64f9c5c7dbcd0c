//! Orders, and the state of the saga.
//!
//! [`domain`] holds the rules. Each change of an order, by HTTP ([`http`]), by event ([`events`]) or by the clock
//! ([`sweeper`]), goes through [`transition::apply`] under the lock of the order's row. [`users`] and [`catalogue`] are the two
//! services that placing an order calls.

pub mod app;
pub mod catalogue;
pub mod config;
mod deadline_clock;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod key_cleanup;
pub mod published;
pub mod store;
pub mod sweeper;
pub mod transition;
pub mod users;

use app::{App, Timing};
use catalogue::Catalogue;
use config::Config;
use http_client::ClientConfig;
use runtime::{Base, Service, StartError};
use std::{process::ExitCode, time::Duration};
use users::Users;

/// The migrations of the service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The alarm of a deadline clock whose tick has not come for this many seconds: no deadline passes.
const CLOCK_ALARM: (&str, f64) = ("deadline clock stands still", 60.0);

/// Runs the service until a signal stops it.
pub fn main() -> ExitCode {
    runtime::serve(runtime::program!(), &MIGRATOR, assemble)
}

/// Shortens the cooldown of an upstream for which a customer waits: a killed service is back within three seconds, so its
/// breaker probes after two, as the gateway's does (`docs/adr/0006-breakers-on-the-customers-way-ask-sooner.md`).
fn customer_facing(mut config: ClientConfig) -> ClientConfig {
    config.breaker.open_for = Duration::from_secs(2);
    config.breaker.open_for_max = Duration::from_secs(30);
    config
}

/// Puts the service together.
pub async fn assemble(config: Config, base: Base) -> Result<Service, StartError> {
    let timing = Timing {
        payment_deadline: config.payment_deadline(),
        compensation_overdue: config.compensation_overdue(),
        interval: config.sweep_interval(),
    };
    let user_service = customer_facing(ClientConfig::new("user-service", config.user_service_url));
    let product_service = customer_facing(ClientConfig::new("product-service", config.product_service_url));
    let app = App {
        database: base.database.clone(),
        users: Users::new(base.http_client_with(user_service), users::STALE_MAX),
        catalogue: Catalogue::new(base.http_client_with(product_service)),
        timing,
    };
    let (sweeping, reporting, sampling, cleaning) = (app.clone(), app.clone(), app.clone(), app.database.clone());
    Ok(Service::new(&base)
        .routes(http::routes(app.clone()))
        .consumer(events::consumer(), app)
        .worker("sweeper", move |stop| sweeper::run(sweeping.clone(), stop))
        .periodic("key-cleaner", key_cleanup::INTERVAL, move || {
            key_cleanup::run(cleaning.clone())
        })
        .gauge("deadline_clock_tick_age_seconds", CLOCK_ALARM, move || {
            sweeper::tick_age_s(sampling.clone())
        })
        .status("saga", move || sweeper::report(reporting.clone())))
}
