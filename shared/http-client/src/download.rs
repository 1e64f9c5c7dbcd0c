//! The body of the answer to a forwarded request.

use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};

/// The body of an answer, which breaks off after a pause of `idle_timeout`.
pub(super) struct Download {
    body: Incoming,
    idle_timeout: Duration,
    /// Runs while a frame is awaited; most bodies have arrived with their headers and need none.
    pause: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Download {
    pub(super) fn new(body: Incoming, idle_timeout: Duration) -> Self {
        Self {
            body,
            idle_timeout,
            pause: None,
            waiting: false,
        }
    }

    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let idle_timeout = self.idle_timeout;
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(idle_timeout)));
        if !self.waiting {
            self.waiting = true;
            pause.as_mut().reset(Instant::now() + idle_timeout);
        }
        pause.as_mut().poll(context)
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waiting = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        ready!(self.poll_pause(context));
        Poll::Ready(Some(Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
