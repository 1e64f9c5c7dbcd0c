//! The provider's interface.

use crate::{
    behaviour::Behaviour,
    ledger::{Charge, ChargeRecord, LedgerError, Refund, RefundRecord},
    provider::Provider,
    server::CutConnection,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Serialize, de::DeserializeOwned};
use shared::extract::Path;
use std::sync::Arc;

/// The route table.
pub(crate) fn routes(provider: Arc<Provider>) -> Router {
    Router::new()
        .route("/charges", post(charge))
        .route("/charges/{key}", get(find_charge))
        .route("/refunds", post(refund))
        .route("/refunds/{key}", get(find_refund))
        .route("/log", get(log))
        .route("/livez", get(|| async { "ok\n" }))
        .with_state(provider)
}

async fn charge(State(provider): State<Arc<Provider>>, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let key = idempotency_key(&headers)?;
    let charge: Charge = parse(&body)?;
    positive(charge.amount_minor)?;
    let behaviour = Behaviour::of(&charge.payment_method);
    if behaviour == Behaviour::Flaky && provider.stumbles(&key) {
        return Err(Refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "flaky",
            "try again".to_owned(),
        ));
    }
    let decide = move |ledger: &mut crate::ledger::Ledger| ledger.charge(&key, charge, behaviour.decline_reason());
    let record = Arc::clone(&provider).with_ledger(decide).await?;
    match behaviour {
        Behaviour::Slow => tokio::time::sleep(provider.slow).await,
        Behaviour::Stall => tokio::time::sleep(provider.stall).await,
        Behaviour::Cut => return Ok(cut()),
        Behaviour::Ok | Behaviour::Declined | Behaviour::Flaky | Behaviour::Unknown => {}
    }
    let status = if record.reason.is_some() {
        StatusCode::PAYMENT_REQUIRED
    } else {
        StatusCode::OK
    };
    Ok(json(status, &ChargeAnswer::from(record)))
}

async fn find_charge(State(provider): State<Arc<Provider>>, Path(key): Path<String>) -> Result<Response, Refusal> {
    let found = provider
        .with_ledger(move |ledger| Ok(ledger.find_charge(&key)?.cloned()))
        .await?;
    Ok(json(
        StatusCode::OK,
        &ChargeAnswer::from(found.ok_or_else(unknown_key)?),
    ))
}

async fn refund(State(provider): State<Arc<Provider>>, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let key = idempotency_key(&headers)?;
    let refund: Refund = parse(&body)?;
    positive(refund.amount_minor)?;
    let record = provider.with_ledger(move |ledger| ledger.refund(&key, refund)).await?;
    Ok(json(
        StatusCode::OK,
        &RefundAnswer {
            status: "refunded",
            record,
        },
    ))
}

async fn find_refund(State(provider): State<Arc<Provider>>, Path(key): Path<String>) -> Result<Response, Refusal> {
    let found = provider
        .with_ledger(move |ledger| Ok(ledger.find_refund(&key)?.cloned()))
        .await?;
    Ok(json(
        StatusCode::OK,
        &RefundAnswer {
            status: "refunded",
            record: found.ok_or_else(unknown_key)?,
        },
    ))
}

async fn log(State(provider): State<Arc<Provider>>) -> Result<Response, Refusal> {
    let text = provider.with_ledger(crate::ledger::Ledger::text).await?;
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], text).into_response())
}

#[derive(Serialize)]
struct ChargeAnswer {
    /// `captured` or `declined`.
    status: &'static str,
    #[serde(flatten)]
    record: ChargeRecord,
}

impl From<ChargeRecord> for ChargeAnswer {
    fn from(record: ChargeRecord) -> Self {
        Self {
            status: if record.reason.is_some() {
                "declined"
            } else {
                "captured"
            },
            record,
        }
    }
}

#[derive(Serialize)]
struct RefundAnswer {
    status: &'static str,
    #[serde(flatten)]
    record: RefundRecord,
}

/// An error answer: status, stable code, what is wrong.
#[derive(Debug)]
struct Refusal(StatusCode, &'static str, String);

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        let (status, code) = match error {
            LedgerError::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "key-reused"),
            LedgerError::NoSuchCharge => (StatusCode::UNPROCESSABLE_ENTITY, "no-such-charge"),
            LedgerError::TooMuch { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "refund-too-large"),
            LedgerError::Broken | LedgerError::Io(_) => (StatusCode::INTERNAL_SERVER_ERROR, "log-broken"),
        };
        Self(status, code, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, code, detail) = self;
        json(status, &serde_json::json!({ "code": code, "detail": detail }))
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, Refusal> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    key.filter(|key| (1..=255).contains(&key.len()))
        .map(str::to_owned)
        .ok_or_else(|| {
            let detail = "the header Idempotency-Key is required, 1 to 255 visible characters".to_owned();
            Refusal(StatusCode::BAD_REQUEST, "key-missing", detail)
        })
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal(
            StatusCode::BAD_REQUEST,
            "bad-body",
            format!("the body cannot be read: {error}"),
        )
    })
}

fn positive(amount_minor: i64) -> Result<(), Refusal> {
    if amount_minor > 0 {
        return Ok(());
    }
    Err(Refusal(
        StatusCode::BAD_REQUEST,
        "bad-amount",
        "amountMinor must be greater than 0".to_owned(),
    ))
}

fn unknown_key() -> Refusal {
    Refusal(
        StatusCode::NOT_FOUND,
        "unknown-key",
        "nothing is known under this key".to_owned(),
    )
}

/// Tells the server to close the connection.
fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(CutConnection);
    response
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // Strings and integers only, so it cannot fail; an empty body would be the visible sign if it did.
    let text = serde_json::to_vec(body).unwrap_or_default();
    (status, [(CONTENT_TYPE, "application/json")], text).into_response()
}
