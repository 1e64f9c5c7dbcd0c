//! The forwarded body of a request: counted, timed, and available to a second attempt while it is unread.

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream};
use http::HeaderMap;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

/// The fault of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// The body has more bytes than allowed.
    #[error("the body is too large")]
    TooLarge,
    /// The client paused for too long.
    #[error("the body stalled")]
    Stalled,
    /// The client disconnected, or broke its own framing.
    #[error("the body is incomplete")]
    Broken,
}

/// The body of one request.
#[derive(Clone)]
pub struct RequestBody {
    unread: Unread,
    fault: Arc<OnceLock<BodyFault>>,
    /// Size that the client announced, so that the service gets a `Content-Length` where there was one.
    size: SizeHint,
}

type Chunks = BoxStream<'static, Result<Bytes, BodyFault>>;
type Unread = Arc<Mutex<Option<Chunks>>>;

impl RequestBody {
    /// Wraps a body; `None` if it is empty.
    pub fn new(body: Body, bytes_max: u64, idle_timeout: Duration) -> Option<Self> {
        if body.is_end_stream() {
            return None;
        }
        let fault = Arc::new(OnceLock::new());
        let size = body.size_hint();
        let chunks = guard(body.into_data_stream(), bytes_max, idle_timeout, Arc::clone(&fault));
        Some(Self {
            unread: Arc::new(Mutex::new(Some(chunks.boxed()))),
            fault,
            size,
        })
    }

    /// Returns the body for one attempt. It takes the bytes with its first read, so an attempt that fails before that leaves
    /// them for the next.
    pub fn attempt(&self) -> Body {
        Body::new(Attempt {
            unread: Arc::clone(&self.unread),
            chunks: None,
            size: self.size,
        })
    }

    /// Returns true if nothing of it has been read.
    pub fn is_unread(&self) -> bool {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Returns the fault that ended the reading.
    pub fn fault(&self) -> Option<BodyFault> {
        self.fault.get().copied()
    }
}

/// Returns true if the head of a request announces more than `bytes_max`.
pub fn announces_too_much(headers: &HeaderMap, bytes_max: u64) -> bool {
    let announced = headers
        .get(http::header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    announced
        .and_then(|length| length.parse::<u64>().ok())
        .is_some_and(|length| length > bytes_max)
}

fn guard(
    body: BodyDataStream,
    bytes_max: u64,
    idle_timeout: Duration,
    fault: Arc<OnceLock<BodyFault>>,
) -> impl Stream<Item = Result<Bytes, BodyFault>> + Send {
    futures_util::stream::unfold(Some((body, 0_u64)), move |state| {
        let fault = Arc::clone(&fault);
        async move {
            let (mut body, read) = state?;
            let next = tokio::time::timeout(idle_timeout, body.next()).await;
            let chunk = match next {
                Ok(chunk) => chunk?.map_err(|_| BodyFault::Broken),
                Err(_) => Err(BodyFault::Stalled),
            };
            let total = chunk.as_ref().map_or(read, |bytes| read + bytes.len() as u64);
            let chunk = chunk.and_then(|bytes| {
                if total > bytes_max {
                    Err(BodyFault::TooLarge)
                } else {
                    Ok(bytes)
                }
            });
            if let Err(found) = chunk {
                fault.get_or_init(|| found);
                return Some((Err(found), None));
            }
            Some((chunk, Some((body, total))))
        }
    })
}

struct Attempt {
    unread: Unread,
    chunks: Option<Chunks>,
    size: SizeHint,
}

impl HttpBody for Attempt {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = self.get_mut();
        if this.chunks.is_none() {
            this.chunks = this.unread.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        let Some(chunks) = &mut this.chunks else {
            // Another attempt has taken it. The error comes once, as a stream's error should.
            this.chunks = Some(futures_util::stream::empty().boxed());
            return Poll::Ready(Some(Err(BodyFault::Broken)));
        };
        chunks.poll_next_unpin(context).map_ok(Frame::data)
    }

    fn size_hint(&self) -> SizeHint {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an attempt to its end: the chunks, and true if it had no error.
    async fn read(body: &RequestBody) -> (Vec<Bytes>, bool) {
        // Limited, since a stream that repeats its error would fill the memory.
        let read: Vec<_> = body.attempt().into_data_stream().take(10).collect().await;
        let whole = read.iter().all(Result::is_ok);
        (read.into_iter().flatten().collect(), whole)
    }

    fn body(chunks: Vec<&'static str>, bytes_max: u64) -> RequestBody {
        let chunks = chunks
            .into_iter()
            .map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        RequestBody::new(body, bytes_max, Duration::from_secs(1)).unwrap()
    }

    #[tokio::test]
    async fn a_body_within_the_limit_passes() {
        let body = body(vec!["ab", "cd"], 4);
        assert_eq!(read(&body).await, (vec![Bytes::from("ab"), Bytes::from("cd")], true));
        assert_eq!(body.fault(), None);
    }

    #[tokio::test]
    async fn a_body_over_the_limit_ends_with_its_fault() {
        let body = body(vec!["ab", "cde"], 4);
        assert_eq!(read(&body).await, (vec![Bytes::from("ab")], false));
        assert_eq!(body.fault(), Some(BodyFault::TooLarge));
    }

    #[tokio::test]
    async fn an_attempt_that_reads_nothing_leaves_the_body_for_the_next() {
        let body = body(vec!["ab"], 4);
        drop(body.attempt());
        assert!(body.is_unread());
        assert_eq!(read(&body).await, (vec![Bytes::from("ab")], true));
        assert!(!body.is_unread());
        assert_eq!(read(&body).await, (vec![], false));
    }
}
