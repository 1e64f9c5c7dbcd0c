//! The state that the requests of one gateway share.

use crate::{
    config::{Config, Limits, TrustedProxies},
    host::Hosts,
    keys::AccessKeys,
    limiter::Limiter,
    redis::Redis,
    routes::{KEY_PUBLISHER, RouteTable},
    sessions::Sessions,
    shares::Shares,
    token_cache::TokenCache,
    upstream::Upstream,
};
use http_client::BreakerStatus;
use kernel::chain;
use runtime::StartError;
use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};
use tokio::{sync::Semaphore, time::Instant};
use web::identity::IdentitySigner;

/// The state that requests share.
pub struct Gateway {
    pub(crate) routes: RouteTable,
    pub(crate) upstreams: BTreeMap<String, Upstream>,
    pub(crate) keys: AccessKeys,
    pub(crate) tokens: TokenCache,
    pub(crate) sessions: Sessions,
    pub(crate) limiter: Limiter,
    pub(crate) redis: Redis,
    pub(crate) signer: IdentitySigner,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) limits: Limits,
    pub(crate) hosts: Hosts,
    /// Connections of each address.
    pub(crate) connections: Arc<Shares>,
    /// Requests under way of each user, or of each address.
    pub(crate) requests: Arc<Shares>,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) started: Instant,
}

impl Gateway {
    /// Creates the state; nothing is connected yet.
    pub fn new(config: Config) -> Result<Self, StartError> {
        let limits = config.limits;
        let upstreams: BTreeMap<_, _> = config
            .upstreams
            .iter()
            .map(|(service, replicas)| (service.clone(), Upstream::new(service, &replicas.0)))
            .collect();
        let rate = NonZeroU32::new(limits.rate_per_s).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(limits.rate_burst).unwrap_or(NonZeroU32::MIN);
        Ok(Self {
            keys: AccessKeys::new(upstreams[KEY_PUBLISHER].clients().to_vec()),
            upstreams,
            tokens: TokenCache::new(),
            sessions: Sessions::new(),
            limiter: Limiter::new(rate, burst),
            redis: Redis::new(&config.redis_url).map_err(setting("REDIS_URL"))?,
            signer: IdentitySigner::from_pem(&config.identity_signing_key)
                .map_err(setting("IDENTITY_SIGNING_KEY_FILE"))?,
            routes: config.routes,
            trusted_proxies: config.trusted_proxies,
            hosts: Hosts::new(config.hosts),
            connections: Shares::new(limits.connections_per_address_max),
            requests: Shares::new(limits.requests_per_client_max),
            limits,
            permits: Arc::new(Semaphore::new(limits.connections_max as usize)),
            started: Instant::now(),
        })
    }

    /// Returns the breakers of all replicas.
    pub(crate) fn breakers(&self) -> Vec<BreakerStatus> {
        self.upstreams.values().flat_map(Upstream::breakers).collect()
    }
}

/// Attributes an error to the setting that caused it.
fn setting<E: std::error::Error>(variable: &'static str) -> impl Fn(E) -> StartError {
    move |error| StartError::Setting {
        variable,
        reason: chain(&error),
    }
}
