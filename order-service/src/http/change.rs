//! A change of an order by a request: one input under the order's lock.

use super::{conditions, order_body};
use crate::{
    app::App,
    domain::{Input, OrderId, UserId},
    error::Error,
    store, transition,
};
use axum::response::Response;
use http::HeaderMap;
use kernel::context::Context;
use messaging::Tx;

/// Applies `input` to an order, if it belongs to `owner` where one is given, and if `If-Match` allows it.
pub(super) async fn change(
    app: &App,
    context: &Context,
    headers: &HeaderMap,
    id: OrderId,
    owner: Option<UserId>,
    input: Input,
) -> Result<Response, Error> {
    let mut tx = Tx::begin(&app.database, context).await?;
    let found = store::lock(&mut tx, id).await?;
    let is_owner = |user_id: UserId| owner.is_none_or(|owner| owner == user_id);
    let mut order = found
        .filter(|order| is_owner(order.user_id))
        .ok_or(Error::NoSuchOrder)?;
    conditions::may_change(headers, &order_body::etag(&order))?;
    // The events belong to the order's correlation; this request is their cause.
    tx.set_context(Context::caused_by(
        &order.correlation_id,
        &context.causation_id,
        context.traceparent.clone(),
    ));
    transition::apply(&mut tx, &mut order, input).await?;
    tx.commit().await?;
    order_body::answer(&mut *app.database.acquire().await?, order).await
}
