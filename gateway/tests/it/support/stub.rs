//! One server that stands for all services, and remembers what reached it.

use super::tokens::jwks;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, sync::Semaphore};

/// A request as a service saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body_bytes: usize,
}

/// The server. What it does depends on the last segment of the path: `slow` waits for [`Stub::release`], `endless`
/// sends 5 MB in pieces of which the second half waits for it, `broken` answers 500 in plain text, `early` answers without
/// reading the body.
#[derive(Clone)]
pub(crate) struct Stub {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    gate: Arc<Semaphore>,
    jwks: Arc<Mutex<Value>>,
}

pub(crate) const PIECE: usize = 64 * 1024;
pub(crate) const PIECES: usize = 80;

impl Stub {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stub = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            jwks: Arc::new(Mutex::new(jwks())),
        };
        let app = Router::new().fallback(answer).with_state(stub.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        stub
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that came, but for the gateway's own questions.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("a request reached the service")
    }

    /// Lets what waits go on.
    pub(crate) fn release(&self) {
        self.gate.add_permits(1);
    }

    pub(crate) fn publish_keys(&self, jwks: Value) {
        *self.jwks.lock().unwrap() = jwks;
    }
}

async fn answer(State(stub): State<Stub>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    match path.as_str() {
        "/.well-known/jwks.json" => return Json(stub.jwks.lock().unwrap().clone()).into_response(),
        "/internal/status" => {
            return Json(serde_json::json!({ "service": "stub", "secret": "inside" })).into_response();
        }
        _ => {}
    }
    let mut seen = Seen {
        target: parts.uri.to_string(),
        headers: parts.headers,
        body_bytes: 0,
    };
    if path.ends_with("/early") {
        stub.seen.lock().unwrap().push(seen);
        return StatusCode::NO_CONTENT.into_response();
    }
    // Noted before the body is complete too, so that a test can see a request arrive that is still being sent.
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(body) => seen.body_bytes = body.len(),
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    }
    stub.seen.lock().unwrap().push(seen);
    respond(&stub, &path).await
}

async fn respond(stub: &Stub, path: &str) -> Response {
    match path.rsplit('/').next().unwrap_or_default() {
        "logout" => StatusCode::NO_CONTENT.into_response(),
        "slow" => {
            stub.gate.acquire().await.unwrap().forget();
            "done".into_response()
        }
        "endless" => Body::from_stream(pieces(stub.gate.clone())).into_response(),
        "broken" => (StatusCode::INTERNAL_SERVER_ERROR, "panicked at src/secret.rs").into_response(),
        _ => {
            let headers = [
                ("x-powered-by", "stub"),
                ("server", "stub"),
                ("x-user-id", "1"),
                ("x-kept", "yes"),
            ];
            (headers, Json(answer_json())).into_response()
        }
    }
}

/// The body of an ordinary answer.
pub(crate) fn answer_json() -> Value {
    serde_json::json!({ "answered": true })
}

fn pieces(gate: Arc<Semaphore>) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    futures_util::stream::unfold(0, move |sent| {
        let gate = Arc::clone(&gate);
        async move {
            if sent == PIECES / 2 {
                gate.acquire().await.unwrap().forget();
            }
            (sent < PIECES).then(|| (Ok(Bytes::from(vec![b'x'; PIECE])), sent + 1))
        }
    })
}
