//! The client against a real server on a loopback port. Durations are short and real: a paused clock would run ahead of
//! the sockets.

#![expect(clippy::disallowed_methods, reason = "each test sees the end of its tasks")]

mod calls;
mod failures;
mod forwarding;

use super::*;
use axum::{Router, extract::Request, response::Response};
use http::Method;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{sync::Arc, time::Duration};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;

/// A server that counts its requests.
struct Upstream {
    url: String,
    hits: Arc<AtomicUsize>,
}

impl Upstream {
    /// Answers every request with what `answer` makes of it and of the number of requests before it.
    async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(usize, Request) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response> + Send + 'static,
    {
        let hits = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&hits);
        let router =
            Router::new().fallback(move |request: Request| answer(count.fetch_add(1, Ordering::SeqCst), request));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, hits }
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    /// A client whose pauses are a few milliseconds.
    fn client(&self, change: impl FnOnce(&mut ClientConfig)) -> ResilientHttpClient {
        client(&self.url, change)
    }
}

fn client(url: &str, change: impl FnOnce(&mut ClientConfig)) -> ResilientHttpClient {
    let mut config = ClientConfig::new("upstream", url.parse().unwrap());
    config.retry.backoff_min = Duration::from_millis(1);
    config.retry.backoff_max = Duration::from_millis(5);
    change(&mut config);
    ResilientHttpClient::new(config)
}

/// A server that never answers.
async fn silent() -> Upstream {
    Upstream::start(|_, _| std::future::pending()).await
}

/// A port that is bound, so that no other process takes it, and on which no server listens.
fn closed_port() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}
