//! An HTTP server that can close a connection without an answer, which no router can.

use axum::{Router, body::Body, extract::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tower::ServiceExt;

/// Pause after a failed accept. Its usual cause are too many open files, so open connections get time to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Response extension: the response is not sent, and its connection is closed instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CutConnection;

#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
struct Cut;

/// Serves until the future is dropped.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve_connection(stream, router.clone()));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router) {
    let service = service_fn(|request: Request<Incoming>| {
        let answer = router.clone().oneshot(request.map(Body::new));
        async { answer.await.map_err(never).and_then(unless_cut) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // The errors are clients that disconnected, and connections cut on purpose.
    drop(connection.await);
}

fn unless_cut(response: Response) -> Result<Response, Cut> {
    if response.extensions().get::<CutConnection>().is_some() {
        Err(Cut)
    } else {
        Ok(response)
    }
}

fn never(impossible: Infallible) -> Cut {
    match impossible {}
}
