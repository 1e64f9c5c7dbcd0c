//! Forwarding: passes a complete request on, and streams its answer back.

use crate::{call::Sent, client::ResilientHttpClient, download::Download, error::CallError};
use axum::body::Body;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE},
    request::Parts,
};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    http::header::PROXY_AUTHENTICATE,
    http::header::PROXY_AUTHORIZATION,
];

impl ResilientHttpClient {
    /// Forwards `request` to `path_and_query` below the base URL, and returns once the answer's headers have arrived.
    ///
    /// Until then it holds permits of breaker and bulkhead, and the attempt's timeout runs. The body is complete, so that no time
    /// in which it is still being sent counts against the upstream, or keeps others from it. The request is retried only when no
    /// connection could be made. Its own URI is ignored. Its `Host`, `Content-Length`,
    /// `Transfer-Encoding` and `Expect` are replaced by those of the new connection; the caller removes other hop-by-hop
    /// headers ([`strip_hop_by_hop`]) before it adds any of its own. The answer comes without hop-by-hop headers.
    pub async fn forward(
        &self,
        request: http::Request<Bytes>,
        path_and_query: &str,
    ) -> Result<http::Response<Body>, CallError> {
        let (mut parts, body) = request.into_parts();
        parts.uri = self.config.base_url.forwarded(path_and_query)?;
        for replaced in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT] {
            parts.headers.remove(replaced);
        }
        let (deadline, sent) = (Instant::now() + self.config.deadline, Sent::default());
        let response = self.within(deadline, &sent, self.attempts(parts, body, deadline, &sent));
        let idle_timeout = self.config.body_idle_timeout;
        let mut response = response.await?.map(|body| Body::new(Download::new(body, idle_timeout)));
        strip_hop_by_hop(response.headers_mut());
        Ok(response)
    }

    async fn attempts(
        &self,
        mut parts: Parts,
        body: Bytes,
        deadline: Instant,
        sent: &Sent,
    ) -> Result<http::Response<Incoming>, CallError> {
        self.retries.count_call();
        let mut retries_past = 0;
        loop {
            let copy = (retries_past < self.config.retry.retries_max).then(|| parts.clone());
            let request = http::Request::from_parts(parts, Full::new(body.clone()));
            let answer = self.forwarder.request(request);
            let exchange = async {
                answer
                    .await
                    .map_err(|error| CallError::forwarding(&self.config.name, error))
            };
            let result = self.attempt.guard(sent, true, exchange, head).await;
            let (Some(copy), Err(CallError::Connect { .. })) = (copy, &result) else {
                return result;
            };
            let Some(pause) = self.retries.backoff(retries_past, None, Some(deadline)) else {
                return result;
            };
            tokio::time::sleep(pause).await;
            retries_past += 1;
            parts = copy;
        }
    }
}

fn head(response: &http::Response<Incoming>) -> (StatusCode, &HeaderMap) {
    (response.status(), response.headers())
}

/// Removes the headers that concern one connection only, and those that `Connection` names.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let values = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let named: Vec<_> = values
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_owned())
        .collect();
    for name in named {
        headers.remove(name);
    }
    // Most messages have none of them, and few headers at all.
    let present: Vec<HeaderName> = headers
        .keys()
        .filter(|name| HOP_BY_HOP.contains(name))
        .cloned()
        .collect();
    for name in present {
        headers.remove(name);
    }
}
