//! The accept loop of the public port.
//!
//! `axum::serve` sets no timer, so its connections may take any time to send a header. This loop limits everything that a
//! client can hold: connections, the time and size of a request's head, the time of the drain.

use crate::config::Limits;
use axum::Router;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use kernel::chain;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Pause after an accept that failed for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The remote address of a connection; the server puts it into each request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The public port.
pub struct Server {
    app: Router,
    limits: Limits,
    permits: Arc<Semaphore>,
    connections: GracefulShutdown,
}

impl Server {
    /// Creates a server for `app`, with a permit for each connection.
    pub fn new(app: Router, limits: Limits, permits: Arc<Semaphore>) -> Self {
        Self {
            app,
            limits,
            permits,
            connections: GracefulShutdown::new(),
        }
    }

    /// Accepts until `stop`; then waits for running requests, at most the drain timeout.
    pub async fn run(self, listener: TcpListener, stop: CancellationToken) {
        while let Some((socket, peer, permit)) = self.next(&listener, &stop).await {
            self.serve(socket, peer, permit);
        }
        drop(listener);
        let drained = tokio::time::timeout(self.limits.drain_timeout(), self.connections.shutdown()).await;
        if drained.is_err() {
            tracing::warn!("Drain timeout: running requests are cut");
        }
    }

    async fn next(
        &self,
        listener: &TcpListener,
        stop: &CancellationToken,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let accepted = async {
            let (socket, peer) = loop {
                match listener.accept().await {
                    Ok(accepted) => break accepted,
                    Err(error) => pause_after(&error).await,
                }
            };
            // Without a free permit this connection waits here, and those behind it in the kernel's queue.
            let permit = Arc::clone(&self.permits).acquire_owned().await;
            (socket, peer, permit.expect("the semaphore is never closed"))
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            accepted = accepted => Some(accepted),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a connection is watched by `connections`, which the drain waits for"
    )]
    fn serve(&self, socket: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) {
        // Answers are written whole; waiting for more data would only delay them.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(error = chain(&error), "Connection closed before it was served");
            return;
        }
        let app = self.app.clone();
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            app.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout())
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(socket), service);
        let connection = self.connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = chain(&error), "Connection failed");
            }
            drop(permit);
        });
    }
}

/// Pauses for lack of file descriptors, but not for a client that gave up while it waited in the queue.
async fn pause_after(error: &io::Error) {
    let is_clients_doing = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    );
    if !is_clients_doing {
        tracing::error!(error = chain(error), "Connection not accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}
