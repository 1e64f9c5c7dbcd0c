//! The user service: who there is, how they are called and reached, and that they are who they say.
//!
//! In reading order: [`domain`] says what a user may be; [`store`] keeps users, sessions and refresh tokens in PostgreSQL;
//! [`passwords`] hashes, [`tokens`] signs, [`sessions`] puts them together and lets Redis follow; [`http`] is the way in;
//! [`events`] is what others hear. [`admin`] and [`republish`] are for operators.

pub mod admin;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod passwords;
pub mod republish;
pub mod sessions;
pub mod store;
pub mod tokens;

use config::Config;
use passwords::Passwords;
use sessions::SessionCache;
use shared::{
    database::Database,
    service::{Base, Service, StartError},
};
use tokens::SigningKey;

/// The service's tables.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// What every handler may use. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Users, sessions, refresh tokens, outbox.
    pub database: Database,
    /// The copies of the sessions in Redis.
    pub sessions: SessionCache,
    /// The workers that hash passwords.
    pub passwords: Passwords,
    /// Signs access tokens.
    pub signing_key: SigningKey,
    /// How long an access token is good.
    pub access_token_ttl_s: u32,
    /// How long a session lives after its last refresh.
    pub refresh_token_ttl_s: u32,
}

/// Wires the service up, and makes the admin.
pub async fn assemble(config: Config, base: Base) -> Result<Service, StartError> {
    let app = App {
        database: base.database.clone(),
        sessions: SessionCache::new(config.redis).map_err(own)?,
        passwords: Passwords::new().map_err(own)?,
        signing_key: config.signing_key,
        access_token_ttl_s: config.access_token_ttl_s,
        refresh_token_ttl_s: config.refresh_token_ttl_s,
    };
    if let Some(account) = &config.admin {
        admin::ensure_when_possible(&app, account).await.map_err(own)?;
    }
    let sweeping = app.clone();
    Ok(Service::new(base)
        .routes(http::routes(app.clone()))
        .perform(sessions::MIRROR, sessions::perform, app.clone())
        .perform(republish::REPUBLISH, republish::perform, app)
        .worker("expired-sessions", move |stop| sessions::sweep(sweeping.clone(), stop)))
}

fn own(error: impl std::error::Error + Send + Sync + 'static) -> StartError {
    StartError::Own(Box::new(error))
}
