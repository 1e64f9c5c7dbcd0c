//! All SQL of payments.

use crate::domain::State;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// What is known of one order's payment.
#[derive(Debug, Clone)]
pub struct Payment {
    /// Its id; also the id of its charge intent, and the provider's key for the charge.
    pub id: Uuid,
    /// The order.
    pub order_id: Uuid,
    /// Whose order it is.
    pub user_id: Uuid,
    /// Where it stands.
    pub state: State,
    /// How much; 0 where `order.placed` never took effect.
    pub amount_minor: i64,
    /// ISO 4217; `XXX` (no currency) where `order.placed` never took effect.
    pub currency: String,
    /// What the provider is to charge.
    pub payment_method: String,
    /// Why the provider declined.
    pub reason: Option<String>,
    /// When it was first heard of.
    pub created_at: DateTime<Utc>,
    /// When it last moved on.
    pub updated_at: DateTime<Utc>,
}

/// The order's row, made with the id `new_id` if there is none yet, and locked: facts about one payment take turns.
pub async fn lock(db: &mut PgConnection, order_id: Uuid, user_id: Uuid, new_id: Uuid) -> sqlx::Result<Payment> {
    // The update changes nothing; unlike `do nothing` it locks the row and returns it.
    sqlx::query_as!(
        Payment,
        r#"insert into payments (id, order_id, user_id) values ($1, $2, $3)
           on conflict (order_id) do update set order_id = excluded.order_id
           returning id, order_id, user_id, state as "state: State", amount_minor, currency, payment_method, reason,
                     created_at, updated_at"#,
        new_id,
        order_id,
        user_id
    )
    .fetch_one(db)
    .await
}

/// The order's row, locked; `None` if there is none.
pub async fn lock_known(db: &mut PgConnection, order_id: Uuid) -> sqlx::Result<Option<Payment>> {
    sqlx::query_as!(
        Payment,
        r#"select id, order_id, user_id, state as "state: State", amount_minor, currency, payment_method, reason,
                  created_at, updated_at
           from payments where order_id = $1 for update"#,
        order_id
    )
    .fetch_optional(db)
    .await
}

/// The order's row.
pub async fn find(db: impl PgExecutor<'_>, order_id: Uuid) -> sqlx::Result<Option<Payment>> {
    sqlx::query_as!(
        Payment,
        r#"select id, order_id, user_id, state as "state: State", amount_minor, currency, payment_method, reason,
                  created_at, updated_at
           from payments where order_id = $1"#,
        order_id
    )
    .fetch_optional(db)
    .await
}

/// Notes what is to be charged.
pub async fn set_charge(
    db: &mut PgConnection,
    id: Uuid,
    amount_minor: i64,
    currency: &str,
    payment_method: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments set amount_minor = $2, currency = $3, payment_method = $4 where id = $1",
        id,
        amount_minor,
        currency,
        payment_method
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Moves a payment on.
pub async fn set_state(db: &mut PgConnection, id: Uuid, state: State) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments set state = $2, updated_at = now() where id = $1",
        id,
        state as State
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Moves a payment to declined, with the provider's reason.
pub async fn set_declined(db: &mut PgConnection, id: Uuid, reason: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments set state = 'declined', reason = $2, updated_at = now() where id = $1",
        id,
        reason
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Moves a payment to refunding; `refund_id` is the intent of the refund.
pub async fn set_refunding(db: &mut PgConnection, id: Uuid, refund_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments set state = 'refunding', refund_id = $2, updated_at = now() where id = $1",
        id,
        refund_id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many payments wait for the provider in one state, and for how long the oldest has.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unsettled {
    /// The state.
    pub state: String,
    /// How many.
    pub payments: i64,
    /// For how long the oldest of them has been in it.
    pub oldest_age_s: i64,
}

/// What waits for the provider.
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
