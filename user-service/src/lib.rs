//! User accounts, passwords, sessions, and the key that signs access tokens.
//!
//! [`domain`] validates what a client may set. [`store`] holds all SQL: users, sessions and refresh tokens. [`sessions`]
//! creates, refreshes and ends sessions, with the help of [`password_hasher`], [`tokens`] and the [`session_cache`] in Redis.
//! [`http`] is the API, [`published`] the events. [`admin`] creates the administrator, [`republish`] rebuilds the projections
//! of other services.

pub mod admin;
pub mod app;
pub mod config;
pub mod domain;
pub mod error;
pub mod http;
pub mod password_hasher;
pub mod published;
pub mod republish;
pub mod session_cache;
pub mod sessions;
pub mod store;
pub mod tokens;

use app::App;
use config::Config;
use password_hasher::PasswordHasher;
use republish::RepublishUsers;
use runtime::{Base, Service, StartError};
use session_cache::SessionCache;
use sessions::SyncSessionCache;
use std::process::ExitCode;

/// The migrations of the service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Runs the service until a signal stops it.
pub fn main() -> ExitCode {
    runtime::serve(runtime::program!(), &MIGRATOR, assemble)
}

/// Puts the service together, and creates the administrator that the configuration names.
pub async fn assemble(config: Config, base: Base) -> Result<Service, StartError> {
    let admin = config.admin();
    let app = App {
        database: base.database.clone(),
        session_cache: SessionCache::new(config.redis).map_err(other)?,
        passwords: PasswordHasher::new().map_err(other)?,
        signing_key: config.signing_key,
        access_token_ttl_s: config.access_token_ttl_s,
        refresh_token_ttl_s: config.refresh_token_ttl_s,
    };
    if let Some(account) = &admin {
        admin::ensure(&app, account).await.map_err(other)?;
    }
    let cleanup = app.clone();
    Ok(Service::new(&base)
        .routes(http::routes(app.clone()))
        .job::<SyncSessionCache>(app.clone())
        .job::<RepublishUsers>(app)
        .worker("expired-sessions", move |stop| {
            sessions::run_cleanup(cleanup.clone(), stop)
        }))
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> StartError {
    StartError::Other(Box::new(error))
}
