//! The bytes of one connection, watched: how long it is idle, how long a head takes, and what the HTTP parser refuses.
//!
//! The parser answers what it cannot read by itself, with a bare status. Such an answer is replaced here by one that looks like
//! every other refusal, with its log line and metric.

use crate::{access_log, config::Limits};
use bytes::{Buf, Bytes};
use http::StatusCode;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, sleep_until},
};

/// What a connection is doing, as its bytes and requests show it.
#[derive(Clone)]
pub struct Activity(Arc<Mutex<Phase>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A head is being read since then; also a new connection, before its first byte.
    Head(Instant),
    /// A request is being answered.
    Serving,
    /// The last request is answered; the last byte was written then.
    Idle(Instant),
}

impl Activity {
    /// The activity of a connection that was just accepted.
    pub fn begin() -> Self {
        Self(Arc::new(Mutex::new(Phase::Head(Instant::now()))))
    }

    /// Notes that a request has arrived; until the guard is dropped, no limit of the connection runs.
    pub fn serve(&self) -> Serving {
        *self.phase() = Phase::Serving;
        Serving(self.clone())
    }

    /// Waits until the connection has been idle, or reading a head, for too long. Returns what it was doing.
    pub async fn expired(&self, limits: &Limits) -> &'static str {
        loop {
            let phase = *self.phase();
            let (deadline, what) = match phase {
                Phase::Head(since) => (since + limits.header_timeout(), "head"),
                Phase::Serving => (Instant::now() + limits.header_timeout(), "answer"),
                Phase::Idle(since) => (since + limits.idle_timeout(), "idle"),
            };
            sleep_until(deadline).await;
            if phase != Phase::Serving && *self.phase() == phase {
                return what;
            }
        }
    }

    fn read(&self) {
        let mut phase = self.phase();
        if let Phase::Idle(_) = *phase {
            *phase = Phase::Head(Instant::now());
        }
    }

    fn written(&self) {
        if let Phase::Idle(since) = &mut *self.phase() {
            *since = Instant::now();
        }
    }

    fn is_reading_a_head(&self) -> bool {
        matches!(*self.phase(), Phase::Head(_))
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
pub struct Serving(Activity);

impl Drop for Serving {
    fn drop(&mut self) {
        *self.0.phase() = Phase::Idle(Instant::now());
    }
}

/// A connection's stream, between the socket (or TLS) and the HTTP server.
pub struct Watched<S> {
    stream: S,
    activity: Activity,
    /// The refusal that replaces the parser's, as far as it is not written yet.
    refusal: Bytes,
}

impl<S: AsyncWrite + Unpin> Watched<S> {
    /// Watches a stream.
    pub fn new(stream: S, activity: Activity) -> Self {
        Self {
            stream,
            activity,
            refusal: Bytes::new(),
        }
    }

    /// Writes the refusal, if `bytes` is one by the parser. Its own bytes count as written.
    fn poll_refuse(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<Option<usize>>> {
        if self.refusal.is_empty() && self.activity.is_reading_a_head() {
            let Some(status) = refused_by_the_parser(bytes) else {
                return Poll::Ready(Ok(None));
            };
            self.refusal = access_log::refuse_and_log(status);
        }
        if self.refusal.is_empty() {
            return Poll::Ready(Ok(None));
        }
        ready!(self.poll_refusal(context))?;
        Poll::Ready(Ok(Some(bytes.len())))
    }

    fn poll_refusal(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.refusal))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refusal.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

/// Returns the status of the parser's own answer. Every other answer has a correlation id.
fn refused_by_the_parser(bytes: &[u8]) -> Option<StatusCode> {
    let rest = bytes
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?;
    let status = StatusCode::from_bytes(rest.get(..3)?).ok()?;
    let head = std::str::from_utf8(bytes).ok()?;
    let is_own = head.contains("\r\nx-correlation-id:");
    (status.is_client_error() && !is_own).then_some(status)
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = ready!(Pin::new(&mut this.stream).poll_read(context, buffer));
        if buffer.filled().len() > before {
            this.activity.read();
        }
        Poll::Ready(outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(written) = ready!(this.poll_refuse(context, bytes))? {
            return Poll::Ready(Ok(written));
        }
        this.activity.written();
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let first = slices.first().map_or(&[][..], |slice| slice);
        if let Some(written) = ready!(this.poll_refuse(context, first))? {
            return Poll::Ready(Ok(written));
        }
        this.activity.written();
        Pin::new(&mut this.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_the_parsers_own_refusals_are_replaced() {
        let refused = |text: &str| refused_by_the_parser(text.as_bytes()).map(|status| status.as_u16());
        assert_eq!(
            refused("HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n"),
            Some(431)
        );
        assert_eq!(refused("HTTP/1.1 404 Not Found\r\nx-correlation-id: a\r\n\r\n"), None);
        assert_eq!(refused("HTTP/1.1 100 Continue\r\n\r\n"), None);
        assert_eq!(refused("HTTP/1.1 4"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_and_a_pause_between_requests_have_limits_of_their_own_and_an_answer_has_none() {
        let limits: Limits = runtime::arguments::from_variables(&[]).unwrap();
        let activity = Activity::begin();
        let started = Instant::now();
        assert_eq!(activity.expired(&limits).await, "head");
        assert_eq!(started.elapsed(), Duration::from_secs(10));
        let serving = activity.serve();
        let long = tokio::time::timeout(Duration::from_mins(10), activity.expired(&limits));
        assert!(long.await.is_err());
        drop(serving);
        let started = Instant::now();
        assert_eq!(activity.expired(&limits).await, "idle");
        assert!(
            (75..86).contains(&started.elapsed().as_secs()),
            "{:?}",
            started.elapsed()
        );
        activity.read();
        assert_eq!(activity.expired(&limits).await, "head");
    }
}
