//! Forwarding: passes a request on and its answer back, streaming both ways.

use crate::{
    call::{Mode, UploadWatch},
    client::ResilientHttpClient,
    error::CallError,
};
use axum::body::{Body, BodyDataStream, HttpBody};
use bytes::Bytes;
use futures_util::Stream;
use http::{
    Extensions, HeaderMap, HeaderName,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE},
};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

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
    /// Until then it holds permits of breaker and bulkhead, and the attempt's timeout runs. Only a request without a body is
    /// retried, and only when no connection could be made. The request's own URI is ignored. Its `Host`, `Content-Length`,
    /// `Transfer-Encoding` and `Expect` are replaced by those of the new connection; the caller removes other hop-by-hop
    /// headers ([`strip_hop_by_hop`]) before it adds any of its own. The answer comes without hop-by-hop headers.
    pub async fn forward(
        &self,
        request: http::Request<Body>,
        path_and_query: &str,
    ) -> Result<http::Response<Body>, CallError> {
        let (parts, body) = request.into_parts();
        let url = self.config.base_url.at(path_and_query)?;
        let mut outgoing = reqwest::Request::new(parts.method, url);
        let mut headers = parts.headers;
        for replaced in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT] {
            headers.remove(replaced);
        }
        let watch = UploadWatch::default();
        if !body.is_end_stream() {
            if let Some(length) = body.size_hint().exact() {
                headers.insert(CONTENT_LENGTH, length.into());
            }
            let upload = Upload {
                body: body.into_data_stream(),
                watch: watch.clone(),
            };
            *outgoing.body_mut() = Some(reqwest::Body::wrap_stream(upload));
        }
        *outgoing.headers_mut() = headers;
        let mut extensions = Extensions::new();
        extensions.insert(Mode::Streamed(watch));

        let response = self.run(outgoing, extensions, self.config.deadline).await?;
        let mut response = http::Response::from(response).map(Body::new);
        strip_hop_by_hop(response.headers_mut());
        Ok(response)
    }
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
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// The forwarded body.
struct Upload {
    body: BodyDataStream,
    watch: UploadWatch,
}

impl Stream for Upload {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.watch.set_at_fault(true);
        let part = ready!(Pin::new(&mut self.body).poll_next(context));
        let broke_off = matches!(part, Some(Err(_)));
        self.watch.set_at_fault(broke_off);
        Poll::Ready(part)
    }
}
