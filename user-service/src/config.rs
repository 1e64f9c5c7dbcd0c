//! Settings of this service; the common ones are read by [`shared::service`].

use crate::{
    domain::{Email, Password},
    tokens::SigningKey,
};
use deadpool_redis::redis::ConnectionInfo;
use shared::config::{ConfigError, Env};
use std::num::NonZeroU32;

/// What the service needs besides the common settings.
pub struct Config {
    /// `REDIS_URL`: where the sessions are.
    pub redis: ConnectionInfo,
    /// `TOKEN_SIGNING_KEY_FILE`: the Ed25519 key (PKCS#8, PEM) that signs access tokens.
    pub signing_key: SigningKey,
    /// `ACCESS_TOKEN_TTL_S`: how long an access token is good; 900 where absent.
    pub access_token_ttl_s: u32,
    /// `REFRESH_TOKEN_TTL_S`: how long a session lives after its last refresh; 2592000 (30 days) where absent.
    pub refresh_token_ttl_s: u32,
    /// `ADMIN_EMAIL` and `ADMIN_PASSWORD`: the admin made at the start; none where both are absent.
    pub admin: Option<AdminAccount>,
}

/// The account of the first admin.
pub struct AdminAccount {
    /// What they log in with.
    pub email: Email,
    /// Their password: it is made to be this at every start.
    pub password: Password,
}

impl Config {
    /// Reads and checks all settings.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let seconds = |name, default: u32| {
            env.optional::<NonZeroU32>(name)
                .map(|seconds| seconds.map_or(default, NonZeroU32::get))
        };
        Ok(Self {
            redis: env.required("REDIS_URL")?,
            signing_key: signing_key(env)?,
            access_token_ttl_s: seconds("ACCESS_TOKEN_TTL_S", 900)?,
            refresh_token_ttl_s: seconds("REFRESH_TOKEN_TTL_S", 2_592_000)?,
            admin: admin(env)?,
        })
    }
}

fn signing_key(env: &Env) -> Result<SigningKey, ConfigError> {
    let name = "TOKEN_SIGNING_KEY_FILE";
    let pem = env.file(name)?;
    SigningKey::from_pem(&pem).map_err(|error| ConfigError::Invalid {
        name,
        value: "…".to_owned(),
        reason: format!("the file holds no Ed25519 private key in PKCS#8 PEM form ({error})"),
    })
}

fn admin(env: &Env) -> Result<Option<AdminAccount>, ConfigError> {
    let email = env.optional("ADMIN_EMAIL")?;
    let password = env.optional("ADMIN_PASSWORD")?;
    match (email, password) {
        (Some(email), Some(password)) => Ok(Some(AdminAccount { email, password })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ConfigError::Missing { name: "ADMIN_PASSWORD" }),
        (None, Some(_)) => Err(ConfigError::Missing { name: "ADMIN_EMAIL" }),
    }
}
