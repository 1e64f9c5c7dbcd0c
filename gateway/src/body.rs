//! The body of a request: read whole before the request occupies anything of a service.
//!
//! A client's slowness is so its own: it holds no permit of a bulkhead, is no probe of a breaker, and no answer of the service
//! waits for it. What a refused client still sends is read and discarded, so that it comes to read the refusal.

use crate::config::Limits;
use axum::body::{Body, BodyDataStream, HttpBody};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, header};
use std::time::Duration;
use tokio::time::timeout;

/// Limits for what is discarded: a client that sends more sees its connection reset.
const DISCARD_BYTES_MAX: usize = 32 << 20;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);

/// The fault of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// The body has more bytes than allowed.
    #[error("the body is too large")]
    TooLarge,
    /// The client paused for too long, or took too long in all.
    #[error("the body stalled")]
    Stalled,
    /// The client disconnected, or broke its own framing.
    #[error("the body is incomplete")]
    Broken,
}

/// The body of one request.
pub struct RequestBody {
    stream: BodyDataStream,
    is_complete: bool,
    /// Size that the client announced.
    announced: Option<u64>,
    /// True if the client waits for `100 Continue` before it sends the body.
    waits: bool,
}

impl RequestBody {
    /// Wraps the body of a request with these headers.
    pub fn new(body: Body, headers: &HeaderMap) -> Self {
        Self {
            is_complete: body.is_end_stream(),
            announced: body.size_hint().exact(),
            waits: headers.contains_key(header::EXPECT),
            stream: body.into_data_stream(),
        }
    }

    /// Reads the body to its end.
    pub async fn read(&mut self, limits: &Limits) -> Result<Bytes, BodyFault> {
        if self.is_complete {
            return Ok(Bytes::new());
        }
        if self.announced.is_some_and(|size| size > limits.body_bytes_max) {
            return Err(BodyFault::TooLarge);
        }
        let reading = timeout(limits.body_timeout(), self.read_all(limits));
        reading.await.unwrap_or(Err(BodyFault::Stalled))
    }

    async fn read_all(&mut self, limits: &Limits) -> Result<Bytes, BodyFault> {
        let mut whole = BytesMut::new();
        loop {
            let next = timeout(limits.body_idle_timeout(), self.stream.next()).await;
            let Some(chunk) = next.map_err(|_| BodyFault::Stalled)? else {
                self.is_complete = true;
                return Ok(whole.freeze());
            };
            let chunk = chunk.map_err(|_| BodyFault::Broken)?;
            if (whole.len() + chunk.len()) as u64 > limits.body_bytes_max {
                return Err(BodyFault::TooLarge);
            }
            if whole.is_empty() && self.announced == Some(chunk.len() as u64) {
                self.is_complete = true;
                return Ok(chunk);
            }
            whole.extend_from_slice(&chunk);
        }
    }

    /// Discards what the client still sends. Returns true if there is any, so that the connection should not be used again.
    #[expect(
        clippy::disallowed_methods,
        reason = "a task that ends with its connection, or after some seconds"
    )]
    pub fn discard(mut self) -> bool {
        if !self.is_complete && !self.waits {
            tokio::spawn(timeout(DISCARD_TIMEOUT, async move {
                let mut left = DISCARD_BYTES_MAX;
                while let Some(Ok(chunk)) = self.stream.next().await
                    && left >= chunk.len()
                {
                    left -= chunk.len();
                }
            }));
            return true;
        }
        !self.is_complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::io;

    fn limits(body_bytes_max: u64) -> Limits {
        Limits {
            body_bytes_max,
            ..runtime::arguments::from_variables(&[]).unwrap()
        }
    }

    fn body(chunks: &[&'static str]) -> RequestBody {
        let chunks: Vec<io::Result<Bytes>> = chunks.iter().map(|chunk| Ok(Bytes::from(*chunk))).collect();
        RequestBody::new(Body::from_stream(stream::iter(chunks)), &HeaderMap::new())
    }

    #[tokio::test]
    async fn a_body_within_the_limit_is_read_whole() {
        assert_eq!(body(&["ab", "cd"]).read(&limits(4)).await, Ok(Bytes::from("abcd")));
        let mut sized = RequestBody::new(Body::from("abcd"), &HeaderMap::new());
        assert_eq!(sized.read(&limits(4)).await, Ok(Bytes::from("abcd")));
        assert!(!sized.discard(), "nothing is left");
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_too_large_with_and_without_a_length() {
        assert_eq!(body(&["ab", "cde"]).read(&limits(4)).await, Err(BodyFault::TooLarge));
        let mut announced = RequestBody::new(Body::from("abcde"), &HeaderMap::new());
        assert_eq!(announced.read(&limits(4)).await, Err(BodyFault::TooLarge));
        assert!(announced.discard());
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_incomplete() {
        let chunks = [Ok(Bytes::from("ab")), Err(io::Error::other("gone"))];
        let mut broken = RequestBody::new(Body::from_stream(stream::iter(chunks)), &HeaderMap::new());
        assert_eq!(broken.read(&limits(4)).await, Err(BodyFault::Broken));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_takes_no_longer_than_allowed_in_all() {
        let trickle = stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, io::Error>(Bytes::from("x")), ()))
        });
        let mut slow = RequestBody::new(Body::from_stream(trickle), &HeaderMap::new());
        let started = tokio::time::Instant::now();
        assert_eq!(slow.read(&limits(1000)).await, Err(BodyFault::Stalled));
        assert_eq!(started.elapsed(), Duration::from_secs(15));
    }
}
