//! The settings that every service has.

use messaging::RetryPolicy;
use std::{net::SocketAddr, sync::Arc};
use web::identity::{IdentityVerifier, OperatorToken};

/// The settings that every service reads from its environment.
#[derive(Clone, clap::Args)]
pub struct Settings {
    /// Address and port of the HTTP server.
    #[arg(long, env = "LISTEN_ADDR")]
    pub listen_addr: SocketAddr,
    /// URL of the service's own PostgreSQL database.
    #[arg(long, env = "DATABASE_URL")]
    pub database_url: String,
    /// Connections in the database pool.
    #[arg(long, env = "DATABASE_CONNECTIONS_MAX", default_value_t = 16)]
    pub database_connections_max: u32,
    /// URL of the broker and its virtual host, with the service's own user.
    #[arg(long, env = "RABBITMQ_URL")]
    pub rabbitmq_url: String,
    /// File with the gateway's public keys, with which `X-Identity` is verified (JWKS).
    #[arg(long = "identity-jwks-file", env = "IDENTITY_JWKS_FILE", value_name = "FILE", value_parser = identity_verifier)]
    pub identity: Arc<IdentityVerifier>,
    /// Secret that entitles an operator to change state under `/internal`.
    #[arg(long, env = "OPERATOR_TOKEN", value_parser = operator_token)]
    pub operator_token: Arc<OperatorToken>,
    /// Delays of the retry queues in milliseconds, ascending: those of `rabbitmq/topology.toml`.
    #[arg(long = "retry-delays-ms", env = "RETRY_DELAYS_MS", value_name = "RETRY_DELAYS_MS", value_parser = retry_policy)]
    pub retries: RetryPolicy,
}

fn identity_verifier(path: &str) -> Result<Arc<IdentityVerifier>, String> {
    let document = std::fs::read(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    let verifier = IdentityVerifier::from_jwks(&document);
    verifier.map(Arc::new).map_err(|error| error.to_string())
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a value parser")]
fn operator_token(token: &str) -> Result<Arc<OperatorToken>, String> {
    Ok(Arc::new(OperatorToken::new(token)))
}

fn retry_policy(list: &str) -> Result<RetryPolicy, String> {
    let delays: Result<Vec<u64>, _> = list.split(',').map(|delay| delay.trim().parse()).collect();
    match delays {
        Ok(delays_ms) if delays_ms.is_sorted() => Ok(RetryPolicy::new(delays_ms)),
        _ => Err("expected ascending whole numbers of milliseconds, separated by commas".to_owned()),
    }
}
