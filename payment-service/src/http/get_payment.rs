//! `GET /api/payments/{orderId}`, for the order's owner and for admins. To any other caller the answer is 404.

use crate::{
    app::App,
    domain::{self, OrderId, PaymentId},
    store::{self, Payment},
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use web::{
    extract::{Json, Path},
    identity::{Identity, Role},
    problem::Problem,
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentJson {
    payment_id: PaymentId,
    order_id: OrderId,
    status: domain::State,
    amount_minor: i64,
    currency: String,
    payment_method: String,
    /// The provider's reason for declining; `null` unless it declined.
    reason: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

pub(super) async fn get_payment(
    State(app): State<App>,
    identity: Identity,
    Path(order_id): Path<OrderId>,
) -> Result<Json<PaymentJson>, Problem> {
    let payment = store::find(&mut *app.database.acquire().await?, order_id).await?;
    let visible = payment.filter(|payment| {
        let is_owner = identity.user_id == payment.user_id.uuid();
        is_owner || identity.role == Role::Admin
    });
    let payment = visible.ok_or_else(|| Problem::not_found("payment"))?;
    Ok(Json(PaymentJson::from(payment)))
}

impl From<Payment> for PaymentJson {
    fn from(payment: Payment) -> Self {
        Self {
            payment_id: payment.id,
            order_id: payment.order_id,
            status: payment.state,
            amount_minor: payment.amount_minor,
            currency: payment.currency,
            payment_method: payment.payment_method,
            reason: payment.reason,
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}
