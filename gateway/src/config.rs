//! The gateway's settings.

use crate::routes::{RouteTable, url_variable};
use shared::config::{ConfigError, Env};
use std::{net::SocketAddr, str::FromStr, time::Duration};

mod addresses;

pub use addresses::{Replica, Replicas, TrustedProxies};

/// The route table that holds unless `ROUTES_FILE` names another.
const DEFAULT_ROUTES: &str = include_str!("../routes.toml");

/// Everything that the gateway is started with.
pub struct Config {
    /// `LISTEN_ADDR`: the public port.
    pub listen_addr: SocketAddr,
    /// `OPERATORS_ADDR`: the operators' port; loopback unless a network of their own protects it.
    pub operators_addr: SocketAddr,
    /// `REDIS_URL`: sessions (read) and token buckets.
    pub redis_url: String,
    /// The file that `IDENTITY_SIGNING_KEY_FILE` names: Ed25519, PKCS#8 PEM.
    pub identity_signing_key: Vec<u8>,
    /// `ROUTES_FILE`, or the built-in table.
    pub routes: RouteTable,
    /// `<NAME>_URL` of each service that the route table leads to.
    pub upstreams: Vec<(&'static str, Replicas)>,
    /// `TRUSTED_PROXIES`: whose `X-Forwarded-For` is believed; nobody's where absent.
    pub trusted_proxies: TrustedProxies,
    /// What one client may take.
    pub limits: Limits,
}

/// Limits of the public port.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `RATE_PER_S`: how fast a token bucket refills.
    pub rate_per_s: u32,
    /// `RATE_BURST`: what a token bucket holds.
    pub rate_burst: u32,
    /// `BODY_BYTES_MAX`: the largest request body.
    pub body_bytes_max: u64,
    /// `HEADER_TIMEOUT_MS`: how long a client may take to send a request's head, and stay silent between two.
    pub header_timeout: Duration,
    /// `BODY_IDLE_TIMEOUT_MS`: how long a client may pause while sending a body.
    pub body_idle_timeout: Duration,
    /// `CONNECTIONS_MAX`: open connections; more wait in the kernel's queue. Each may need two file descriptors.
    pub connections_max: u32,
    /// `DRAIN_TIMEOUT_MS`: how long running requests may take after SIGTERM.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rate_per_s: 10,
            rate_burst: 20,
            body_bytes_max: 1 << 20,
            header_timeout: Duration::from_secs(10),
            body_idle_timeout: Duration::from_secs(10),
            connections_max: 800,
            drain_timeout: Duration::from_secs(15),
        }
    }
}

impl Config {
    /// Reads the settings; the error names the variable.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let routes = read_routes(env)?;
        Ok(Self {
            listen_addr: env.required("LISTEN_ADDR")?,
            operators_addr: env.required("OPERATORS_ADDR")?,
            redis_url: env.required("REDIS_URL")?,
            identity_signing_key: env.file("IDENTITY_SIGNING_KEY_FILE")?,
            upstreams: upstreams(env, &routes)?,
            routes,
            trusted_proxies: env.or("TRUSTED_PROXIES", TrustedProxies::default())?,
            limits: Limits::from_env(env)?,
        })
    }
}

impl Limits {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let default = Self::default();
        Ok(Self {
            rate_per_s: positive(env, "RATE_PER_S", default.rate_per_s)?,
            rate_burst: positive(env, "RATE_BURST", default.rate_burst)?,
            body_bytes_max: env.or("BODY_BYTES_MAX", default.body_bytes_max)?,
            header_timeout: milliseconds(env, "HEADER_TIMEOUT_MS", default.header_timeout)?,
            body_idle_timeout: milliseconds(env, "BODY_IDLE_TIMEOUT_MS", default.body_idle_timeout)?,
            connections_max: positive(env, "CONNECTIONS_MAX", default.connections_max)?,
            drain_timeout: milliseconds(env, "DRAIN_TIMEOUT_MS", default.drain_timeout)?,
        })
    }
}

fn read_routes(env: &Env) -> Result<RouteTable, ConfigError> {
    let name = "ROUTES_FILE";
    let Some(path) = env.optional::<String>(name)? else {
        return Ok(RouteTable::from_str(DEFAULT_ROUTES).expect("the built-in table is tested"));
    };
    let text = String::from_utf8_lossy(&env.file(name)?).into_owned();
    RouteTable::from_str(&text).map_err(|fault| ConfigError::Invalid {
        name,
        value: path,
        reason: fault.to_string(),
    })
}

/// The replicas of each upstream. The names are leaked: they are read once and used as long as the process runs.
fn upstreams(env: &Env, routes: &RouteTable) -> Result<Vec<(&'static str, Replicas)>, ConfigError> {
    let upstreams = routes.upstreams().into_iter();
    upstreams
        .map(|service| {
            let replicas = env.required(url_variable(service).leak())?;
            Ok((&*service.to_owned().leak(), replicas))
        })
        .collect()
}

fn positive(env: &Env, name: &'static str, default: u32) -> Result<u32, ConfigError> {
    let value = env.or(name, default)?;
    let fault = || ConfigError::Invalid {
        name,
        value: value.to_string(),
        reason: "it must be at least 1".to_owned(),
    };
    if value == 0 { Err(fault()) } else { Ok(value) }
}

fn milliseconds(env: &Env, name: &'static str, default: Duration) -> Result<Duration, ConfigError> {
    Ok(env.optional(name)?.map_or(default, Duration::from_millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_upstream_of_the_table_needs_an_address() {
        let table = "[[route]]\npath = '/api/x'\nmethods = ['GET']\nupstream = 'evil-service'\nwho = 'public'\n";
        let routes: RouteTable = table.parse().unwrap();
        let url = |variable: &'static str| (variable, "http://127.0.0.1:1");
        let env = Env::from_pairs([url("USER_SERVICE_URL")]);
        let error = upstreams(&env, &routes).unwrap_err().to_string();
        assert_eq!(error, "environment variable EVIL_SERVICE_URL is not set");
        let env = Env::from_pairs([url("USER_SERVICE_URL"), url("EVIL_SERVICE_URL")]);
        let names: Vec<&str> = upstreams(&env, &routes)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["evil-service", "user-service"]);
    }
}
