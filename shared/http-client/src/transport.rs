//! The two transports: reqwest's for calls, hyper's for forwarded requests.

use crate::config::ClientConfig;
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use std::time::Duration;

pub(super) type Forwarder = Client<HttpConnector, Full<Bytes>>;

/// Time after which an unused connection is closed.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Probes of an idle connection, as reqwest sends them: one whose other side is gone without a word is closed after a minute, and
/// one with unconfirmed data after half of that.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 3;

/// Returns the transport of calls.
#[expect(clippy::disallowed_methods, reason = "the one place that builds a client for calls")]
pub(super) fn of_calls(config: &ClientConfig) -> reqwest::Client {
    reqwest::Client::builder()
        .connect_timeout(config.connect_timeout)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("no TLS backend, resolver or certificate is configured that could be missing")
}

/// Returns the transport of forwarded requests. It is hyper's own: reqwest parses each URL twice and has layers of its own
/// (redirects, retries, decoding) that a forwarded request does not need.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that builds a client for forwarding"
)]
pub(super) fn of_forwarded(config: &ClientConfig) -> Forwarder {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(config.connect_timeout));
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE));
    connector.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    connector.set_tcp_user_timeout(Some(KEEPALIVE * 2));
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .build(connector)
}
