//! Tells people what happens to their orders: by mail, and in a list that they can read.
//!
//! An event becomes one row of `notifications` ([`dispatch`]). Its mail is due as soon as the order's owner and their
//! address are known, which may be later than the event: until then the row waits, with a deadline ([`waiting`]). What is
//! due is sent by an intent worker ([`mail`]), at least once, always under the same Message-ID.

mod config;
mod dispatch;
mod domain;
mod error;
mod events;
mod http;
mod mail;
mod store;
pub mod waiting;

pub use config::{Config, SmtpServer};

use mail::Mailer;
use shared::{
    database::Database,
    service::{Base, Service, StartError},
};

/// The database's schema.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// What handlers, endpoints and workers share.
#[derive(Debug, Clone)]
struct App {
    database: Database,
    mailer: Mailer,
    wait_max: chrono::TimeDelta,
}

/// Wires the service together.
#[expect(clippy::unused_async, reason = "the bootstrap awaits the assembly of every service")]
pub async fn assemble(config: Config, base: Base) -> Result<Service, StartError> {
    let app = App {
        database: base.database.clone(),
        mailer: Mailer::new(&config.smtp_server, config.mail_from),
        wait_max: config.wait_max,
    };
    let (sweep_database, status_database) = (app.database.clone(), app.database.clone());
    Ok(Service::new(base)
        .routes(http::routes(app.clone()))
        .consume("notification-queue", events::CONSUMES, app.clone())
        .perform(mail::KIND, mail::perform, app)
        .worker("waiting", move |stop| waiting::sweep(sweep_database.clone(), stop))
        .status("notifications", move || waiting::status(status_database.clone())))
}
