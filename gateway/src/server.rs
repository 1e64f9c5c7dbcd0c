//! The accept loop of the public port.
//!
//! `axum::serve` sets no timer, so its connections may take any time to send a header. This loop limits everything that a
//! client can hold: connections, the time and size of a request's head, the time of the drain.

use crate::{access_log, state::Gateway};
use axum::body::Body;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use kernel::chain;
use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::OwnedSemaphorePermit,
};
use tokio_util::sync::CancellationToken;

const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Pause after an accept that failed for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The public port.
pub struct Server {
    gateway: Arc<Gateway>,
    connections: GracefulShutdown,
}

impl Server {
    /// Creates a server whose requests `gateway` answers.
    pub fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            connections: GracefulShutdown::new(),
        }
    }

    /// Accepts until `stop`; then waits for running requests, at most the drain timeout.
    pub async fn run(self, listener: TcpListener, stop: CancellationToken) {
        while let Some((socket, peer, permit)) = self.next(&listener, &stop).await {
            self.serve(socket, peer, permit);
        }
        drop(listener);
        let drained = tokio::time::timeout(self.gateway.limits.drain_timeout(), self.connections.shutdown()).await;
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
            let permit = Arc::clone(&self.gateway.permits).acquire_owned().await;
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
        let gateway = Arc::clone(&self.gateway);
        let service = service_fn(move |request: http::Request<Incoming>| {
            let gateway = Arc::clone(&gateway);
            let request = request.map(Body::new);
            async move { Ok::<_, Infallible>(access_log::answer_and_log(&gateway, peer.ip(), request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.gateway.limits.header_timeout())
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
