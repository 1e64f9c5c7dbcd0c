//! The settings of this service alone; those that every service has are in `runtime`.

use crate::{
    domain::{Email, Password},
    tokens::SigningKey,
};
use deadpool_redis::redis::ConnectionInfo;

/// The settings of this service alone.
#[derive(Clone, clap::Args)]
pub struct Config {
    /// URL of the Redis database with the cached sessions.
    #[arg(long = "redis-url", env = "REDIS_URL")]
    pub redis: ConnectionInfo,
    /// File with the Ed25519 private key that signs access tokens (PKCS#8, PEM).
    #[arg(long = "token-signing-key-file", env = "TOKEN_SIGNING_KEY_FILE", value_parser = signing_key)]
    pub signing_key: SigningKey,
    /// Lifetime of an access token in seconds.
    #[arg(long, env = "ACCESS_TOKEN_TTL_S", default_value_t = 900, value_parser = positive())]
    pub access_token_ttl_s: u32,
    /// Lifetime of a session after its last refresh in seconds; the default is 30 days.
    #[arg(long, env = "REFRESH_TOKEN_TTL_S", default_value_t = 2_592_000, value_parser = positive())]
    pub refresh_token_ttl_s: u32,
    /// E-mail address of the administrator created at the start; needs `ADMIN_PASSWORD`.
    #[arg(long, env = "ADMIN_EMAIL", requires = "admin_password")]
    pub admin_email: Option<Email>,
    /// Password of the administrator, set at each start; needs `ADMIN_EMAIL`.
    #[arg(long, env = "ADMIN_PASSWORD", requires = "admin_email")]
    pub admin_password: Option<Password>,
}

/// The account of the administrator.
pub struct AdminAccount {
    pub email: Email,
    pub password: Password,
}

impl Config {
    /// Returns the administrator to create; `None` if none is configured.
    pub fn admin(&self) -> Option<AdminAccount> {
        let (email, password) = (self.admin_email.clone()?, self.admin_password.clone()?);
        Some(AdminAccount { email, password })
    }
}

fn positive() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

fn signing_key(path: &str) -> Result<SigningKey, String> {
    let pem = std::fs::read(path).map_err(|error| format!("the file {path} cannot be read: {error}"))?;
    let key = SigningKey::from_pem(&pem);
    key.map_err(|error| format!("the file {path} holds no Ed25519 private key in PKCS#8 PEM form: {error}"))
}
