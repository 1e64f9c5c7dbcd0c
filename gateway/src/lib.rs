//! The gateway: the only process that clients talk to.
//!
//! A request goes through [`server`] (limits on connections), [`answer`] (headers of every answer, access log) and
//! [`proxy`], which asks in turn [`path`] (hygiene), [`headers`] (nothing of a client's speaks for us), [`routes`],
//! [`auth`] ([`token`], [`keys`], [`sessions`]), [`limiter`], and hands it to an [`upstream`]. What needs trust comes after
//! what does not, and nothing that costs comes before what refuses cheaply. [`operators`] is the other port.

pub mod answer;
pub mod auth;
pub mod body;
pub mod config;
pub mod docs;
pub mod error;
pub mod headers;
pub mod keys;
pub mod limiter;
pub mod operators;
pub mod path;
pub mod proxy;
pub mod redis;
pub mod routes;
pub mod server;
pub mod sessions;
pub mod start;
pub mod token;
pub mod trace;
pub mod upstream;

use crate::{
    config::{Config, Limits, TrustedProxies},
    keys::AccessKeys,
    limiter::Limiter,
    redis::Redis,
    routes::{KEY_PUBLISHER, RouteTable},
    sessions::Sessions,
    start::StartError,
    upstream::Upstream,
};
use axum::{Router, middleware};
use shared::{http_client::BreakerStatus, identity::IdentitySigner, problem};
use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};
use tokio::{sync::Semaphore, time::Instant};
use tower_http::catch_panic::CatchPanicLayer;

/// Everything that answering a request needs.
pub struct Gateway {
    routes: RouteTable,
    upstreams: BTreeMap<&'static str, Upstream>,
    keys: AccessKeys,
    sessions: Sessions,
    limiter: Limiter,
    redis: Arc<Redis>,
    signer: IdentitySigner,
    trusted_proxies: TrustedProxies,
    limits: Limits,
    places: Arc<Semaphore>,
    started: Instant,
}

impl Gateway {
    /// Puts the parts together; connects to nothing yet.
    pub fn new(config: Config) -> Result<Self, StartError> {
        let limits = config.limits;
        let upstreams: BTreeMap<_, _> = config
            .upstreams
            .iter()
            .map(|(service, replicas)| (*service, Upstream::new(service, &replicas.0)))
            .collect();
        let redis = Arc::new(Redis::new(&config.redis_url)?);
        let rate = NonZeroU32::new(limits.rate_per_s).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(limits.rate_burst).unwrap_or(NonZeroU32::MIN);
        Ok(Self {
            keys: AccessKeys::new(upstreams[KEY_PUBLISHER].clients().to_vec()),
            upstreams,
            sessions: Sessions::new(Arc::clone(&redis)),
            limiter: Limiter::new(Arc::clone(&redis), rate, burst),
            redis,
            signer: IdentitySigner::from_pem(&config.identity_signing_key)?,
            routes: config.routes,
            trusted_proxies: config.trusted_proxies,
            limits,
            places: Arc::new(Semaphore::new(limits.connections_max as usize)),
            started: Instant::now(),
        })
    }

    fn breakers(&self) -> Vec<BreakerStatus> {
        self.upstreams.values().flat_map(Upstream::breakers).collect()
    }
}

/// The public port's application. Routes are looked up by [`proxy`], on the same string that is sent on.
pub fn public(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .fallback(proxy::handle)
        .with_state(gateway)
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn(problem::render))
        .layer(middleware::from_fn(answer::finish))
}
