//! The settings that every service has.

use crate::{
    config::{ConfigError, Env},
    identity::{IdentityVerifier, OperatorToken},
    messaging::retry::RetryPolicy,
};
use std::{net::SocketAddr, sync::Arc};

/// Delays between tries, as in `rabbitmq/topology.toml`.
const RETRY_DELAYS_MS: &str = "1000,5000,30000,120000";

/// What every service is told by its environment.
#[derive(Clone)]
pub struct Settings {
    /// `LISTEN_ADDR`: where to serve HTTP.
    pub listen_addr: SocketAddr,
    /// `DATABASE_URL`: the service's own PostgreSQL database.
    pub database_url: String,
    /// `DATABASE_CONNECTIONS_MAX`: connections in the pool, 16 where absent.
    pub database_connections_max: u32,
    /// `RABBITMQ_URL`: broker and virtual host, with the service's own user.
    pub rabbitmq_url: String,
    /// `IDENTITY_JWKS_FILE`: the gateway's public keys, for `X-Identity`.
    pub identity: Arc<IdentityVerifier>,
    /// `OPERATOR_TOKEN`: who has it may change state under `/internal`.
    pub operator_token: Arc<OperatorToken>,
    /// `RETRY_DELAYS_MS`: must be those of the topology.
    pub retries: RetryPolicy,
    /// `LOG`: log filter, `info` where absent.
    pub log: String,
}

impl Settings {
    /// Reads them.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let jwks = env.file("IDENTITY_JWKS_FILE")?;
        let identity = IdentityVerifier::from_jwks(&jwks).map_err(|error| ConfigError::Invalid {
            name: "IDENTITY_JWKS_FILE",
            value: "…".to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            listen_addr: env.required("LISTEN_ADDR")?,
            database_url: env.required("DATABASE_URL")?,
            database_connections_max: env.or("DATABASE_CONNECTIONS_MAX", 16)?,
            rabbitmq_url: env.required("RABBITMQ_URL")?,
            identity: Arc::new(identity),
            operator_token: Arc::new(OperatorToken::new(env.required::<String>("OPERATOR_TOKEN")?)),
            retries: retries(&env.or("RETRY_DELAYS_MS", RETRY_DELAYS_MS.to_owned())?)?,
            log: env.or("LOG", "info".to_owned())?,
        })
    }
}

fn retries(list: &str) -> Result<RetryPolicy, ConfigError> {
    let delays: Result<Vec<u64>, _> = list.split(',').map(|delay| delay.trim().parse()).collect();
    match delays {
        Ok(delays_ms) if delays_ms.is_sorted() => Ok(RetryPolicy::new(delays_ms)),
        _ => Err(ConfigError::Invalid {
            name: "RETRY_DELAYS_MS",
            value: list.to_owned(),
            reason: "expected growing whole numbers of milliseconds, separated by commas".to_owned(),
        }),
    }
}
