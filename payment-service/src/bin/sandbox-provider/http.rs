//! The sandbox's HTTP API.

mod error;

use crate::{
    behaviour::Behaviour,
    ledger::{Charge, ChargeRecord, KnownCharge, Ledger, Refund, RefundRecord},
    sandbox::Sandbox,
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
use error::ApiError;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use web::extract::{Json, Path};

/// Returns the route table.
pub(crate) fn routes(sandbox: Arc<Sandbox>) -> Router {
    Router::new()
        .route("/charges", post(charge))
        .route("/charges/{key}", get(find_charge))
        .route("/charges/{key}/void", post(void_charge))
        .route("/refunds", post(refund))
        .route("/refunds/{key}", get(find_refund))
        .route("/log", get(log))
        .route("/livez", get(|| async { "ok\n" }))
        .with_state(sandbox)
}

async fn charge(State(sandbox): State<Arc<Sandbox>>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let key = idempotency_key(&headers)?;
    let charge: Charge = parse(&body)?;
    check_amount(charge.amount_minor)?;
    let behaviour = Behaviour::of(&charge.payment_method);
    if behaviour == Behaviour::Flaky && sandbox.fails_flaky(&key) {
        return Err(ApiError::flaky());
    }
    let decide = move |ledger: &mut Ledger| ledger.charge(&key, charge, behaviour.decline_reason());
    let known = Arc::clone(&sandbox).with_ledger(decide).await?;
    match behaviour {
        Behaviour::Slow => tokio::time::sleep(sandbox.slow).await,
        Behaviour::Stall => tokio::time::sleep(sandbox.stall).await,
        Behaviour::Cut => return Ok(cut()),
        Behaviour::Ok | Behaviour::Declined | Behaviour::Flaky | Behaviour::Unknown => {}
    }
    let answer = ChargeAnswer::from(known);
    let status = match answer.status {
        "captured" => StatusCode::OK,
        _ => StatusCode::PAYMENT_REQUIRED,
    };
    Ok((status, Json(answer)).into_response())
}

async fn void_charge(
    State(sandbox): State<Arc<Sandbox>>,
    Path(key): Path<String>,
) -> Result<(StatusCode, Json<ChargeAnswer>), ApiError> {
    let known = sandbox.with_ledger(move |ledger| ledger.void(&key)).await?;
    let answer = ChargeAnswer::from(known);
    let status = match answer.status {
        "captured" => StatusCode::CONFLICT,
        _ => StatusCode::OK,
    };
    Ok((status, Json(answer)))
}

async fn find_charge(
    State(sandbox): State<Arc<Sandbox>>,
    Path(key): Path<String>,
) -> Result<Json<ChargeAnswer>, ApiError> {
    let found = sandbox.with_ledger(move |ledger| Ok(ledger.find_charge(&key)?.cloned()));
    let known = found.await?.ok_or_else(ApiError::unknown_key)?;
    Ok(Json(ChargeAnswer::from(known)))
}

async fn refund(
    State(sandbox): State<Arc<Sandbox>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<RefundAnswer>, ApiError> {
    let key = idempotency_key(&headers)?;
    let refund: Refund = parse(&body)?;
    check_amount(refund.amount_minor)?;
    let record = sandbox.with_ledger(move |ledger| ledger.refund(&key, refund)).await?;
    Ok(Json(RefundAnswer::from(record)))
}

async fn find_refund(
    State(sandbox): State<Arc<Sandbox>>,
    Path(key): Path<String>,
) -> Result<Json<RefundAnswer>, ApiError> {
    let found = sandbox.with_ledger(move |ledger| Ok(ledger.find_refund(&key)?.cloned()));
    let record = found.await?.ok_or_else(ApiError::unknown_key)?;
    Ok(Json(RefundAnswer::from(record)))
}

async fn log(State(sandbox): State<Arc<Sandbox>>) -> Result<Response, ApiError> {
    let text = sandbox.with_ledger(Ledger::text).await?;
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], text).into_response())
}

#[derive(Serialize)]
struct ChargeAnswer {
    /// `captured`, `declined` or `voided`.
    status: &'static str,
    /// Absent if it was voided before it arrived.
    #[serde(flatten)]
    record: Option<ChargeRecord>,
}

impl From<KnownCharge> for ChargeAnswer {
    fn from(known: KnownCharge) -> Self {
        let (status, record) = match known {
            KnownCharge::Made(record) if record.reason.is_none() => ("captured", Some(record)),
            KnownCharge::Made(record) => ("declined", Some(record)),
            KnownCharge::Voided => ("voided", None),
        };
        Self { status, record }
    }
}

#[derive(Serialize)]
struct RefundAnswer {
    /// Always `refunded`.
    status: &'static str,
    #[serde(flatten)]
    record: RefundRecord,
}

impl From<RefundRecord> for RefundAnswer {
    fn from(record: RefundRecord) -> Self {
        let status = "refunded";
        Self { status, record }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, ApiError> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    key.filter(|key| (1..=255).contains(&key.len()))
        .map(str::to_owned)
        .ok_or_else(ApiError::key_missing)
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::bad_body(&error))
}

fn check_amount(amount_minor: i64) -> Result<(), ApiError> {
    if amount_minor > 0 {
        Ok(())
    } else {
        Err(ApiError::bad_amount())
    }
}

/// Returns a response that makes the server close the connection.
fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(CutConnection);
    response
}
