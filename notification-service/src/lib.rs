//! Notifies customers of what happens to their orders: by mail, and in a list.
//!
//! A consumed event (`events`) becomes a row of `notifications` (`dispatch`). Its mail is enqueued as soon as the order's
//! owner and their address are known, which may be later than the event; until then it waits, with a deadline ([`expiry`]).
//! A job sends the mail (`send_mail`, `mailer`, `smtp`, `connections`), at least once and always under the same Message-ID.

mod app;
mod config;
mod connections;
mod dispatch;
mod domain;
mod events;
pub mod expiry;
mod http;
mod mailer;
mod send_mail;
mod smtp;
mod store;

pub use config::{Config, SmtpServer};

use app::App;
use mailer::Mailer;
use runtime::{Base, Service, StartError};
use send_mail::SendMail;
use std::process::ExitCode;

/// The migrations of the service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Runs the service until a signal stops it.
pub fn main() -> ExitCode {
    runtime::serve(runtime::program!(), &MIGRATOR, assemble)
}

/// Puts the service together.
pub async fn assemble(config: Config, base: Base) -> Result<Service, StartError> {
    let app = App {
        database: base.database.clone(),
        mailer: Mailer::new(&config.smtp_server, config.mail_from.clone()),
        wait_max: config.wait_max(),
    };
    let (swept, counted) = (base.database.clone(), base.database.clone());
    let connections = app.mailer.connections();
    Ok(Service::new(&base)
        .routes(http::routes(app.clone()))
        .consumer(events::consumer(), app.clone())
        .job::<SendMail>(app)
        .discard::<SendMail>()
        .periodic("waiting", expiry::SWEEP_INTERVAL, move || expiry::sweep(swept.clone()))
        .periodic("connections", connections::IDLE_MAX, move || {
            connections.clone().close_idle()
        })
        .status("notifications", move || store::mail_counts(counted.clone())))
}
