//! `POST /api/orders`

use super::{idempotency_key, order_body, order_body::OrderBody};
use crate::{
    app::App,
    domain::{
        OrderId, ProductId, Status,
        basket::{Basket, Line, PricedBasket},
    },
    error::Error,
    published::OrderPlaced,
    store::{
        self, NewOrder, OrderRecord,
        keys::{self, Claim, Claimed, StoredAnswer},
    },
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, ETAG, LOCATION},
};
use kernel::{chain, context::Context, failpoint};
use messaging::Tx;
use serde::Deserialize;
use std::time::Duration;
use web::{extract::Json, identity::Identity};

/// Lease of an attempt: longer than both calls may take (5 s each). After it, the attempt counts as dead.
const LEASE: Duration = Duration::from_secs(30);
/// Time for which an answer is kept for repetitions.
const KEEP: Duration = Duration::from_hours(24);

/// The body of the request. Unknown fields are refused, so that a client that sends prices learns that they are not used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PlaceOrder {
    items: Vec<Item>,
    payment_method: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Item {
    product_id: ProductId,
    quantity: u32,
}

/// Places an order. A repetition gets the answer of the first request.
#[expect(clippy::disallowed_methods, reason = "the task is awaited at once")]
pub(super) async fn place_order(
    State(app): State<App>,
    context: Context,
    caller: Identity,
    headers: HeaderMap,
    Json(request): Json<PlaceOrder>,
) -> Result<Response, Error> {
    let key = idempotency_key::from_headers(&headers)?;
    let items: Vec<(ProductId, u32)> = request
        .items
        .iter()
        .map(|item| (item.product_id, item.quantity))
        .collect();
    let basket = Basket::new(&items, request.payment_method)?;
    let fingerprint = idempotency_key::fingerprint(&basket)?;
    let claim = Claim {
        user_id: caller.user_id.into(),
        key,
        fingerprint,
        lease: kernel::id::new(),
    };
    // In a task of its own: a client that hangs up would otherwise leave its key claimed until the lease expires, and
    // block the repetition that the key is for.
    let attempt = tokio::spawn(async move { answer(&app, &context, &caller, &basket, &claim).await });
    match attempt.await {
        Ok(answer) => answer.map(respond),
        Err(broken) => match broken.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::KeyInFlight),
        },
    }
}

/// Returns the stored answer of the key, or the answer of this attempt.
async fn answer(
    app: &App,
    context: &Context,
    caller: &Identity,
    basket: &Basket,
    claim: &Claim,
) -> Result<StoredAnswer, Error> {
    let claimed = keys::claim(&mut *app.database.acquire().await?, claim, LEASE, KEEP).await?;
    match claimed {
        Claimed::Answered(answer) => return Ok(answer),
        Claimed::InFlight => return Err(Error::KeyInFlight),
        Claimed::OtherRequest => return Err(Error::KeyOfOtherRequest),
        Claimed::Ours => {}
    }
    let placed = place(app, context, caller, basket, claim).await;
    if placed.is_err() {
        release(app, claim).await;
    }
    placed
}

/// Calls both services, then stores order, event and answer together. No transaction is open during the calls.
async fn place(
    app: &App,
    context: &Context,
    caller: &Identity,
    basket: &Basket,
    claim: &Claim,
) -> Result<StoredAnswer, Error> {
    app.users.check(context, caller).await?;
    let prices = app.catalogue.prices(context, &basket.product_ids()).await?;
    let with_prices = basket.price(|product_id| prices.get(&product_id))?;
    store(app, context, &with_prices, &basket.payment_method, claim).await
}

async fn store(
    app: &App,
    context: &Context,
    basket: &PricedBasket,
    payment_method: &str,
    claim: &Claim,
) -> Result<StoredAnswer, Error> {
    let mut tx = Tx::begin(&app.database, context).await?;
    let new = NewOrder {
        id: OrderId::new(),
        user_id: claim.user_id,
        lines: &basket.lines,
        total_minor: basket.total_minor,
        currency: &basket.currency,
        payment_method,
        correlation_id: &context.correlation_id,
        traceparent: context.traceparent.as_deref(),
    };
    let order = store::insert(&mut tx, &new).await?;
    tx.emit(&placed(&order, &basket.lines)).await?;
    let answer = StoredAnswer {
        status: StatusCode::CREATED.as_u16(),
        location: format!("/api/orders/{}", order.id),
        etag: order_body::etag(&order),
        body: serde_json::to_vec(&OrderBody::new(order, basket.lines.clone()))?,
    };
    // The lease has passed to another attempt, which places the order.
    if !keys::finish(&mut tx, claim, &answer).await? {
        return Err(Error::KeyInFlight);
    }
    failpoint::crash("order-before-commit");
    tx.commit().await?;
    failpoint::crash("order-before-reply");
    Ok(answer)
}

fn placed<'a>(order: &'a OrderRecord, items: &'a [Line]) -> OrderPlaced<'a> {
    OrderPlaced {
        order_id: order.id,
        user_id: order.user_id,
        status: Status::Placed,
        items,
        total_minor: order.total_minor,
        currency: &order.currency,
        payment_method: &order.payment_method,
    }
}

/// Releases the key of a failed request, so that the client can repeat it.
async fn release(app: &App, claim: &Claim) {
    let released = async { keys::release(&mut *app.database.acquire().await?, claim).await };
    if let Err(error) = released.await {
        let error = chain(&error);
        tracing::warn!(
            dependency = "postgres",
            error,
            "Idempotency key stays claimed until its lease expires"
        );
    }
}

fn respond(answer: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::CREATED);
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (LOCATION, answer.location),
        (ETAG, answer.etag),
    ];
    (status, headers, answer.body).into_response()
}
