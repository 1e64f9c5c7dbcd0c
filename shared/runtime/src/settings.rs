//! The settings that every service has.

use messaging::{RetryPolicy, broker::Broker};
use sqlx::postgres::PgConnectOptions;
use std::{net::SocketAddr, sync::Arc};
use web::identity::{IdentityVerifier, OperatorToken};

/// The settings that every service reads from its environment.
#[derive(Clone, clap::Args)]
pub struct Settings {
    /// Address and port of the HTTP server.
    #[arg(long, env = "LISTEN_ADDR")]
    pub listen_addr: SocketAddr,
    /// URL of the service's own PostgreSQL database.
    #[arg(long, env = "DATABASE_URL", value_name = "DATABASE_URL", value_parser = database_url)]
    pub database_url: String,
    /// Connections in the database pool.
    #[arg(long, env = "DATABASE_CONNECTIONS_MAX", default_value_t = 16)]
    pub database_connections_max: u32,
    /// URL of the broker and its virtual host, with the service's own user.
    #[arg(long, env = "RABBITMQ_URL", value_name = "RABBITMQ_URL", value_parser = rabbitmq_url)]
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

/// sqlx's parser takes any scheme, and would use the default host for a URL that has none.
fn database_url(url: &str) -> Result<String, &'static str> {
    let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
    (is_url && url.parse::<PgConnectOptions>().is_ok())
        .then(|| url.to_owned())
        .ok_or("expected postgres://user:password@host:port/database")
}

fn rabbitmq_url(url: &str) -> Result<String, &'static str> {
    Broker::is_url(url)
        .then(|| url.to_owned())
        .ok_or("expected amqp://user:password@host:port/vhost")
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

#[cfg(test)]
mod tests {
    use super::{database_url, rabbitmq_url};
    use crate::telemetry;

    #[test]
    fn an_unusable_url_or_log_filter_is_refused_without_repeating_a_password() {
        for wrong in [
            "seats",
            "u:hunter2@host:1/seats",
            "http://u:hunter2@host/seats",
            "amqp:u:hunter2@host",
        ] {
            for refused in [database_url(wrong), rabbitmq_url(wrong)] {
                assert!(!refused.unwrap_err().contains("hunter2"), "{wrong}");
            }
        }
        assert!(database_url("postgres://u:p@localhost:5432/seats").is_ok());
        assert!(rabbitmq_url("amqp://u:p@localhost:5672/seats").is_ok());
        assert!(telemetry::filter("info,messaging=louder").is_err());
        assert!(telemetry::filter("info,messaging=debug").is_ok());
    }
}
