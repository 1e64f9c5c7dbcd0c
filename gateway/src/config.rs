//! The gateway's settings.

mod addresses;
mod upstreams;

pub use addresses::{Replica, Replicas, TrustedProxies};
pub use upstreams::Upstreams;

use crate::routes::RouteTable;
use std::{net::SocketAddr, path::Path, time::Duration};

/// The gateway's settings.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Address and port of the public server.
    #[arg(long, env = "LISTEN_ADDR")]
    pub listen_addr: SocketAddr,
    /// Address and port of the operators' server; loopback, unless a network of its own protects it.
    #[arg(long, env = "OPERATORS_ADDR")]
    pub operators_addr: SocketAddr,
    /// URL of Redis, for sessions (read `session:*`) and token buckets (`bucket:*`).
    #[arg(long, env = "REDIS_URL")]
    pub redis_url: String,
    /// File with the Ed25519 private key that signs identities (PKCS#8 PEM); services verify with its public half.
    #[arg(long = "identity-signing-key-file", env = "IDENTITY_SIGNING_KEY_FILE", value_name = "FILE", value_parser = read_key)]
    pub identity_signing_key: Key,
    /// File with another route table than the built-in routes.toml.
    #[arg(long = "routes-file", env = "ROUTES_FILE", value_name = "FILE", default_value = "", hide_default_value = true, value_parser = read_routes)]
    pub routes: RouteTable,
    #[command(flatten)]
    pub upstreams: Upstreams,
    /// Addresses of proxies whose `X-Forwarded-For` is trusted, separated by commas.
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "", hide_default_value = true)]
    pub trusted_proxies: TrustedProxies,
    /// Hosts (without port) that the gateway answers for, separated by commas; all if there is none.
    #[arg(
        long,
        env = "HOSTS",
        default_value = "",
        hide_default_value = true,
        value_delimiter = ','
    )]
    pub hosts: Vec<String>,
    #[command(flatten)]
    pub limits: Limits,
}

/// The contents of a key file.
pub type Key = std::sync::Arc<[u8]>;

/// The limits of the public port.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Limits {
    /// Rate at which a token bucket refills, per second.
    #[arg(long, env = "RATE_PER_S", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate_per_s: u32,
    /// Capacity of a token bucket.
    #[arg(long, env = "RATE_BURST", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate_burst: u32,
    /// Largest request body in bytes; the services take no more than the default.
    #[arg(long, env = "BODY_BYTES_MAX", default_value_t = runtime::BODY_BYTES_MAX as u64)]
    pub body_bytes_max: u64,
    /// Limit in milliseconds for the head of a request, from its first byte or from the connection's beginning.
    #[arg(long, env = "HEADER_TIMEOUT_MS", default_value_t = 10_000)]
    pub header_timeout_ms: u64,
    /// Time in milliseconds for which a connection may be idle between two requests.
    #[arg(long, env = "IDLE_TIMEOUT_MS", default_value_t = 75_000)]
    pub idle_timeout_ms: u64,
    /// Longest pause in milliseconds within a request body.
    #[arg(long, env = "BODY_IDLE_TIMEOUT_MS", default_value_t = 10_000)]
    pub body_idle_timeout_ms: u64,
    /// Limit in milliseconds for a whole request body.
    #[arg(long, env = "BODY_TIMEOUT_MS", default_value_t = 15_000)]
    pub body_timeout_ms: u64,
    /// Most requests that one user, or one address without a token, may have under way.
    #[arg(long, env = "REQUESTS_PER_CLIENT_MAX", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_client_max: u32,
    /// Most open connections of one address; trusted proxies have no such limit.
    #[arg(long, env = "CONNECTIONS_PER_ADDRESS_MAX", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub connections_per_address_max: u32,
    /// Most open connections; more wait in the kernel's queue. Each may need two file descriptors.
    #[arg(long, env = "CONNECTIONS_MAX", default_value_t = 800, value_parser = clap::value_parser!(u32).range(1..))]
    pub connections_max: u32,
    /// Limit in milliseconds for running requests after SIGTERM.
    #[arg(long, env = "DRAIN_TIMEOUT_MS", default_value_t = 15_000)]
    pub drain_timeout_ms: u64,
}

impl Limits {
    /// Returns the limit for the head of a request.
    pub fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    /// Returns the time for which a connection may be idle.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// Returns the limit for a whole request body.
    pub fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    /// Returns the longest pause within a request body.
    pub fn body_idle_timeout(&self) -> Duration {
        Duration::from_millis(self.body_idle_timeout_ms)
    }

    /// Returns the limit for running requests after SIGTERM.
    pub fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}

fn read_key(path: &str) -> Result<Key, String> {
    let key = std::fs::read(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    Ok(key.into())
}

/// Reads a route table; an empty path stands for the built-in one.
fn read_routes(path: &str) -> Result<RouteTable, String> {
    if path.is_empty() {
        return Ok(RouteTable::built_in());
    }
    let text = std::fs::read_to_string(Path::new(path)).map_err(|error| format!("the file cannot be read: {error}"))?;
    text.parse()
        .map_err(|fault: crate::routes::TableFault| fault.to_string())
}
