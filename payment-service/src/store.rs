//! All SQL of payments.

use crate::domain::{Order, OrderId, PaymentId, RefundId, State, UserId};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

database::text_column!(State);

/// The row of an order's payment.
#[derive(Debug, Clone)]
pub struct Payment {
    /// The id; also that of the charge's job, and the charge's idempotency key at the provider.
    pub id: PaymentId,
    pub order_id: OrderId,
    /// The order's owner.
    pub user_id: UserId,
    pub state: State,
    /// Amount to charge in minor units; 0 unless `order.placed` took effect.
    pub amount_minor: i64,
    /// ISO 4217 code; `XXX` (no currency) unless `order.placed` took effect.
    pub currency: String,
    pub payment_method: String,
    /// The provider's reason for declining.
    pub reason: Option<String>,
    pub created_at: DateTime<Utc>,
    /// Time of the last change of state.
    pub updated_at: DateTime<Utc>,
}

/// Locks the order's row, so that inputs about one payment take turns, and returns it; inserts it with the id `new_id` if
/// there is none yet.
pub async fn lock(
    db: &mut PgConnection,
    order_id: OrderId,
    user_id: UserId,
    new_id: PaymentId,
) -> sqlx::Result<Payment> {
    // The update changes nothing; unlike `do nothing` it locks the row and returns it.
    sqlx::query_as!(
        Payment,
        r#"insert into payments (id, order_id, user_id) values ($1, $2, $3)
           on conflict (order_id) do update set order_id = excluded.order_id
           returning id, order_id, user_id, state as "state: State", amount_minor, currency, payment_method, reason,
                     created_at, updated_at"#,
        new_id.uuid(),
        order_id.uuid(),
        user_id.uuid()
    )
    .fetch_one(db)
    .await
}

/// Locks and returns the order's row; `None` if there is none.
pub async fn lock_known(db: &mut PgConnection, order_id: OrderId) -> sqlx::Result<Option<Payment>> {
    sqlx::query_as!(
        Payment,
        r#"select id, order_id, user_id, state as "state: State", amount_minor, currency, payment_method, reason,
                  created_at, updated_at
           from payments where order_id = $1 for update"#,
        order_id.uuid()
    )
    .fetch_optional(db)
    .await
}

/// Returns the order's row.
pub async fn find(db: impl PgExecutor<'_>, order_id: OrderId) -> sqlx::Result<Option<Payment>> {
    sqlx::query_as!(
        Payment,
        r#"select id, order_id, user_id, state as "state: State", amount_minor, currency, payment_method, reason,
                  created_at, updated_at
           from payments where order_id = $1"#,
        order_id.uuid()
    )
    .fetch_optional(db)
    .await
}

/// Sets the amount and method to charge.
pub async fn set_charge(db: &mut PgConnection, id: PaymentId, order: &Order) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments set amount_minor = $2, currency = $3, payment_method = $4 where id = $1",
        id.uuid(),
        order.total_minor,
        order.currency,
        order.payment_method
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Moves a payment to another state.
pub async fn set_state(db: &mut PgConnection, id: PaymentId, state: State) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments set state = $2, updated_at = now() where id = $1",
        id.uuid(),
        state as State
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Moves a payment to declined, with the provider's reason.
pub async fn set_declined(db: &mut PgConnection, id: PaymentId, reason: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments set state = 'declined', reason = $2, updated_at = now() where id = $1",
        id.uuid(),
        reason
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Moves a payment to refunding; `refund_id` is also the id of the refund's job.
pub async fn set_refunding(db: &mut PgConnection, id: PaymentId, refund_id: RefundId) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments set state = 'refunding', refund_id = $2, updated_at = now() where id = $1",
        id.uuid(),
        refund_id.uuid()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The payments that wait for the provider in one state.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unsettled {
    pub state: String,
    /// Number of payments.
    pub payments: i64,
    /// Time that the oldest has been in the state, in seconds.
    pub oldest_age_s: i64,
}

/// Counts the payments that wait for the provider, by state.
pub async fn unsettled(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Unsettled>> {
    sqlx::query_as!(
        Unsettled,
        r#"select state, count(*) as "payments!",
                  extract(epoch from now() - min(updated_at))::bigint as "oldest_age_s!"
           from payments where state in ('charging', 'to_close', 'refunding')
           group by state order by state"#
    )
    .fetch_all(db)
    .await
}
