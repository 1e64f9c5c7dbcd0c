//! The accept loop of the public port.
//!
//! `axum::serve` sets no timer, so its connections may take any time to send a header. This loop limits everything that a
//! client can hold: connections, in all and of each address, the time and size of a request's head, the time of the drain.

use crate::{
    access_log, admission,
    connection::{Activity, Watched},
    limiter::Bucket,
    shares::Share,
    state::Gateway,
};
use axum::body::Body;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
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
        while let Some((socket, peer, held)) = self.next(&listener, &stop).await {
            self.serve(socket, peer, held);
        }
        drop(listener);
        let drained = tokio::time::timeout(self.gateway.limits.drain_timeout(), self.connections.shutdown()).await;
        if drained.is_err() {
            tracing::warn!("Drain timeout: running requests are cut");
        }
    }

    async fn next(&self, listener: &TcpListener, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr, Held)> {
        let accepted = async {
            let (socket, peer, share) = loop {
                match listener.accept().await {
                    Ok((socket, peer)) => match self.share(peer) {
                        Ok(share) => break (socket, peer, share),
                        Err(TooMany) => drop(socket),
                    },
                    Err(error) => pause_after(&error).await,
                }
            };
            // Without a free permit this connection waits here, and those behind it in the kernel's queue.
            let permit = Arc::clone(&self.gateway.permits).acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            (
                socket,
                peer,
                Held {
                    _permit: permit,
                    _share: share,
                },
            )
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            accepted = accepted => Some(accepted),
        }
    }

    /// Returns the connection's part of its address's share; trusted proxies have none.
    fn share(&self, peer: SocketAddr) -> Result<Option<Share>, TooMany> {
        if self.gateway.trusted_proxies.contains(peer.ip()) {
            return Ok(None);
        }
        let share = self.gateway.connections.take(&Bucket::address(peer.ip()));
        if share.is_none() {
            metrics::counter!("gateway_connections_refused_total").increment(1);
            tracing::debug!(client.address = %peer.ip(), "Connection refused: the address has all of its share");
        }
        share.map(Some).ok_or(TooMany)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a connection is watched by `connections`, which the drain waits for"
    )]
    fn serve(&self, socket: TcpStream, peer: SocketAddr, held: Held) {
        // Answers are written whole; waiting for more data would only delay them.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(error = chain(&error), "Connection closed before it was served");
            return;
        }
        let activity = Activity::begin();
        let stream = Watched::new(socket, activity.clone());
        let (gateway, requests) = (Arc::clone(&self.gateway), activity.clone());
        let service = service_fn(move |request: http::Request<Incoming>| {
            let (gateway, serving) = (Arc::clone(&gateway), requests.serve());
            let request = request.map(Body::new);
            async move {
                let answer = access_log::answer_and_log(&gateway, peer.ip(), request).await;
                drop(serving);
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = http1::Builder::new()
            // A client may end its side after its request, and still wait for the answer.
            .half_close(true)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let connection = self.connections.watch(connection);
        let gateway = Arc::clone(&self.gateway);
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        ended_by(&gateway, peer, &error).await;
                    }
                }
                what = activity.expired(&gateway.limits) => {
                    metrics::counter!("gateway_connections_expired_total", "while" => what).increment(1);
                }
            }
            drop(held);
        });
    }
}

/// What a connection holds until it ends.
struct Held {
    _permit: OwnedSemaphorePermit,
    _share: Option<Share>,
}

/// The address has all the connections that it may have.
struct TooMany;

/// Logs the failure of a connection. What the parser refused takes a token like every other refusal.
async fn ended_by(gateway: &Gateway, peer: SocketAddr, error: &hyper::Error) {
    tracing::debug!(client.address = %peer.ip(), error = chain(error), "Connection failed");
    if error.is_parse() {
        admission::limit(gateway, &Bucket::address(peer.ip())).await;
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
