//! `POST /api/orders`

use super::{idempotency_key, order_body, order_body::OrderBody};
use crate::{
    App,
    domain::basket::{PricedBasket, Wish},
    error::Error,
    events::published,
    store::{
        self, NewOrder,
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
use serde::Deserialize;
use shared::{context::Context, extract::Json, failpoint, identity::Identity};
use std::time::Duration;
use uuid::Uuid;

/// Longer than both calls may take (5 s each). When it has passed, the attempt that held the key is taken to be dead.
const LEASE: Duration = Duration::from_secs(30);
/// How long an answer is given again.
const KEEP: Duration = Duration::from_hours(24);

/// What a client sends. A field that we do not know is refused: a client that sends prices shall learn that they do not count.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PlaceOrder {
    items: Vec<Item>,
    payment_method: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Item {
    product_id: Uuid,
    quantity: u32,
}

/// Answers a request that was seen before as it was answered then; otherwise places the order.
#[expect(clippy::disallowed_methods, reason = "the task is awaited at once")]
pub(super) async fn handle(
    State(app): State<App>,
    context: Context,
    caller: Identity,
    headers: HeaderMap,
    Json(request): Json<PlaceOrder>,
) -> Result<Response, Error> {
    let key = idempotency_key::from_headers(&headers)?;
    let asked: Vec<(Uuid, u32)> = request
        .items
        .iter()
        .map(|item| (item.product_id, item.quantity))
        .collect();
    let wish = Wish::new(&asked, request.payment_method)?;
    let fingerprint = idempotency_key::fingerprint(&wish)?;
    let claim = Claim {
        user_id: caller.user_id,
        key,
        fingerprint,
        lease: shared::id::new(),
    };
    // In a task of its own: a client that hangs up half-way would otherwise leave its key taken until the lease ends,
    // and its next try is just what the key is for.
    let attempt = tokio::spawn(async move { answer(&app, &context, &caller, &wish, &claim).await });
    match attempt.await {
        Ok(answer) => answer.map(respond),
        Err(broken) => match broken.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::KeyInFlight),
        },
    }
}

/// The answer that this key has, or gets now.
async fn answer(
    app: &App,
    context: &Context,
    caller: &Identity,
    wish: &Wish,
    claim: &Claim,
) -> Result<StoredAnswer, Error> {
    let claimed = keys::claim(&mut *app.database.acquire().await?, claim, LEASE, KEEP).await?;
    match claimed {
        Claimed::Answered(answer) => return Ok(answer),
        Claimed::InFlight => return Err(Error::KeyInFlight),
        Claimed::OtherRequest => return Err(Error::KeyOfOtherRequest),
        Claimed::Ours => {}
    }
    let placed = place(app, context, caller, wish, claim).await;
    if placed.is_err() {
        give_back(app, claim).await;
    }
    placed
}

/// Asks both services, then stores order, event and answer together. No transaction is open while it asks.
async fn place(
    app: &App,
    context: &Context,
    caller: &Identity,
    wish: &Wish,
    claim: &Claim,
) -> Result<StoredAnswer, Error> {
    app.users.check(context, caller).await?;
    let prices = app.catalogue.prices(context, &wish.product_ids()).await?;
    let basket = wish.price(|product_id| prices.get(&product_id))?;
    store(app, context, &basket, wish, claim).await
}

async fn store(
    app: &App,
    context: &Context,
    basket: &PricedBasket,
    wish: &Wish,
    claim: &Claim,
) -> Result<StoredAnswer, Error> {
    let mut tx = app.database.begin(context).await?;
    let new = NewOrder {
        id: shared::id::new(),
        user_id: claim.user_id,
        lines: &basket.lines,
        total_minor: basket.total_minor,
        currency: &basket.currency,
        payment_method: &wish.payment_method,
        correlation_id: &context.correlation_id,
        traceparent: context.traceparent.as_deref(),
    };
    let order = store::insert(&mut tx, &new).await?;
    published::emit_placed(&mut tx, &order, &basket.lines).await?;
    let answer = StoredAnswer {
        status: StatusCode::CREATED.as_u16(),
        location: format!("/api/orders/{}", order.id),
        etag: order_body::etag(&order),
        body: serde_json::to_vec(&OrderBody::new(order, basket.lines.clone()))?,
    };
    // Another attempt took the key over after our lease: it is the one that places the order.
    if !keys::finish(&mut tx, claim, &answer).await? {
        return Err(Error::KeyInFlight);
    }
    failpoint::crash("order-before-commit");
    tx.commit().await?;
    failpoint::crash("order-before-reply");
    Ok(answer)
}

/// A refused request leaves no trace, so that it can be sent again when what was wrong is right.
async fn give_back(app: &App, claim: &Claim) {
    let released = async { keys::release(&mut *app.database.acquire().await?, claim).await };
    if let Err(error) = released.await {
        tracing::warn!(%error, "an idempotency key stays taken until its lease ends");
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
