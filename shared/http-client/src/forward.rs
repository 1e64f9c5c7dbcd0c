//! Passes a request on and its answer back, streaming both ways.

use super::{CallError, ResilientHttpClient, attempt::Mode};
use axum::body::{Body, BodyDataStream, HttpBody};
use bytes::Bytes;
use futures_util::Stream;
use http::{
    Extensions, HeaderMap, HeaderName,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE},
};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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
    /// Passes `request` on to `path_and_query` below the base URL and returns as soon as the answer's headers are there.
    ///
    /// It takes part in the breaker and the bulkhead until then; the attempt's timeout ends then, too. Only a request
    /// without a body is tried again, and only when no connection could be made. The request's own URI is not looked
    /// at. Its `Host`, `Content-Length`, `Transfer-Encoding` and `Expect` are replaced by what is true of the new
    /// connection; other hop-by-hop headers are the caller's to remove ([`strip_hop_by_hop`]), before it adds any of
    /// its own. The answer comes without hop-by-hop headers.
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

/// Removes what is meant for one connection only, and what `Connection` names.
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

/// Knows whether the body that is passed on keeps us waiting.
#[derive(Debug, Clone, Default)]
pub(super) struct UploadWatch(Arc<AtomicBool>);

impl UploadWatch {
    /// Whether the sender of the body is what we last waited for, or has broken off.
    pub(super) fn is_at_fault(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The body on its way through.
struct Upload {
    body: BodyDataStream,
    watch: UploadWatch,
}

impl Stream for Upload {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.watch.0.store(true, Ordering::Relaxed);
        let part = ready!(Pin::new(&mut self.body).poll_next(context));
        let broke_off = matches!(part, Some(Err(_)));
        self.watch.0.store(broke_off, Ordering::Relaxed);
        Poll::Ready(part)
    }
}
