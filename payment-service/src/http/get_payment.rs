//! `GET /api/payments/{orderId}`: the order's owner, or an admin. To anybody else there is no such payment.

use crate::{
    App,
    domain::State as PaymentState,
    error::Error,
    store::{self, Payment},
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    extract::{Json, Path},
    identity::{Identity, Role},
};
use uuid::Uuid;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentJson {
    payment_id: Uuid,
    order_id: Uuid,
    status: PaymentState,
    amount_minor: i64,
    currency: String,
    payment_method: String,
    /// Why the provider declined; `null` where it did not.
    reason: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

pub(super) async fn handle(
    State(app): State<App>,
    identity: Identity,
    Path(order_id): Path<Uuid>,
) -> Result<Json<PaymentJson>, Error> {
    let payment = store::find(&mut *app.database.acquire().await?, order_id)
        .await?
        .ok_or(Error::NotFound)?;
    if identity.role != Role::Admin && identity.user_id != payment.user_id {
        return Err(Error::NotFound);
    }
    Ok(Json(PaymentJson::from(payment)))
}

impl From<Payment> for PaymentJson {
    fn from(payment: Payment) -> Self {
        let Payment {
            id,
            order_id,
            state,
            amount_minor,
            currency,
            payment_method,
            reason,
            ..
        } = payment;
        Self {
            payment_id: id,
            order_id,
            status: state,
            amount_minor,
            currency,
            payment_method,
            reason,
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}
