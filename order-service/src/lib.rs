//! order-service: owns orders and the state of the saga.
//!
//! [`domain`] holds the rules and knows no framework. Whatever happens to an order, by HTTP ([`http`]), by event
//! ([`events`]) or by the clock ([`sweeper`]), goes through [`saga::advance`] under the lock of the order's row.
//! [`users`] and [`catalogue`] translate what the two services answer that placing an order asks.

pub mod catalogue;
pub mod cleaner;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod saga;
pub mod store;
pub mod sweeper;
pub mod users;

pub use config::Config;

use catalogue::Catalogue;
use shared::{
    database::Database,
    http_client::ClientConfig,
    service::{Base, Service, StartError},
};
use std::time::Duration;
use users::Users;

/// The schema of this service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Where what payment-service and product-service tell comes in.
const QUEUE: &str = "order-queue";

/// What handlers work with.
#[derive(Debug, Clone)]
pub struct App {
    /// Orders, keys and messages.
    pub database: Database,
    /// Asks user-service.
    pub users: Users,
    /// Asks product-service.
    pub catalogue: Catalogue,
    /// The times that the sweeper keeps.
    pub timing: sweeper::Timing,
}

/// A customer waits for these two, and a service that was killed is back within three seconds: ask it again after two, as
/// the gateway does (`docs/adr/0006-breakers-on-the-customers-way-ask-sooner.md`).
fn impatient(mut config: ClientConfig) -> ClientConfig {
    config.breaker.open_for = Duration::from_secs(2);
    config.breaker.open_for_max = Duration::from_secs(30);
    config
}

/// Puts the service together.
#[expect(
    clippy::unused_async,
    reason = "every service is assembled alike, and some must wait for something"
)]
pub async fn assemble(config: Config, base: Base) -> Result<Service, StartError> {
    let app = App {
        database: base.database.clone(),
        users: Users::new(
            base.http_client_with(impatient(ClientConfig::new("user-service", config.user_service_url))),
            users::STALE_MAX,
        ),
        catalogue: Catalogue::new(base.http_client_with(impatient(ClientConfig::new(
            "product-service",
            config.product_service_url,
        )))),
        timing: sweeper::Timing {
            payment_deadline: config.payment_deadline,
            compensation_overdue: config.compensation_overdue,
            interval: config.sweep_interval,
        },
    };
    let consumer = base.consumer_health(QUEUE);
    let (sweeping, cleaning, counting) = (app.clone(), app.clone(), app.clone());
    Ok(Service::new(base)
        .routes(http::routes(app.clone()))
        .consume(QUEUE, events::CONSUMES, app)
        .worker("sweeper", move |stop| {
            sweeper::run(sweeping.clone(), consumer.clone(), stop)
        })
        .worker("key-cleaner", move |stop| cleaner::run(cleaning.database.clone(), stop))
        .status("saga", move || sweeper::status(counting.clone())))
}
