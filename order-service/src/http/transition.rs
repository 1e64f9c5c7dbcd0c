//! What cancelling, shipping and delivering have in common: one decision under the order's lock.

use super::{conditions, order_body};
use crate::{App, domain::Input, error::Error, saga, store};
use axum::response::Response;
use http::HeaderMap;
use shared::context::Context;
use uuid::Uuid;

/// Applies `input` to an order, if it is `owner`'s where one is given, and if it is as `If-Match` says where that is sent.
pub(super) async fn decide(
    app: &App,
    context: &Context,
    headers: &HeaderMap,
    id: Uuid,
    owner: Option<Uuid>,
    input: Input,
) -> Result<Response, Error> {
    let mut tx = app.database.begin(context).await?;
    let found = store::lock(&mut tx, id).await?;
    let is_theirs = |user_id: Uuid| owner.is_none_or(|owner| owner == user_id);
    let mut order = found
        .filter(|order| is_theirs(order.user_id))
        .ok_or(Error::NoSuchOrder)?;
    conditions::may_change(headers, &order_body::etag(&order))?;
    // The events belong to the order's story; this request is their cause.
    let story = Context::caused_by(
        &order.correlation_id,
        &context.causation_id,
        context.traceparent.clone(),
    );
    tx.set_context(story);
    saga::advance(&mut tx, &mut order, input).await?;
    tx.commit().await?;
    order_body::answer(&mut *app.database.acquire().await?, order).await
}
