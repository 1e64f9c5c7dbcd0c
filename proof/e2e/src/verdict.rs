//! Whether everything agrees in the end: each order in an agreed end state, money and stock conserved.
//!
//! It reads the services' tables and the provider's log and recomputes everything from them.

use crate::{
    ledger::{self, Account},
    platform::Platform,
    trouble::Trouble,
};
use sqlx::PgPool;
use std::collections::HashMap;
use uuid::Uuid;

/// An order as its four witnesses know it.
#[derive(Debug)]
struct Joint {
    status: String,
    compensation: String,
    total_minor: i64,
    payment: String,
    reservation: String,
    account: Account,
}

/// Checks every order there is. Returns how many there are, or every disagreement.
pub async fn all_agree(platform: &Platform) -> Result<usize, Trouble> {
    let orders: Vec<(Uuid, String, String, i64)> =
        sqlx::query_as("select id, status, compensation, total_minor from orders")
            .fetch_all(&platform.database("ORDER_DATABASE_URL")?)
            .await?;
    let payments = states(
        &platform.database("PAYMENT_DATABASE_URL")?,
        "select order_id, state from payments",
    )
    .await?;
    let stock = platform.database("PRODUCT_DATABASE_URL")?;
    let reservations = states(&stock, "select order_id, state from reservations").await?;
    let accounts = ledger::accounts(platform).await?;
    let mut wrong = stock_disagreements(&stock).await?;
    let count = orders.len();
    for (id, status, compensation, total_minor) in orders {
        let known = |states: &HashMap<Uuid, String>| states.get(&id).cloned().unwrap_or_else(|| "none".to_owned());
        let account = accounts.get(&id).copied().unwrap_or_default();
        let (payment, reservation) = (known(&payments), known(&reservations));
        let joint = Joint {
            status,
            compensation,
            total_minor,
            payment,
            reservation,
            account,
        };
        if !joint.agrees() {
            wrong.push(format!("order {id} is in no agreed end state: {joint:?}"));
        }
    }
    if wrong.is_empty() {
        Ok(count)
    } else {
        Err(Trouble::Disagreement(wrong.join("\n")))
    }
}

async fn states(database: &PgPool, statement: &'static str) -> Result<HashMap<Uuid, String>, Trouble> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(statement).fetch_all(database).await?;
    Ok(rows.into_iter().collect())
}

impl Joint {
    /// Confirmed or later: captured once and sold. Failed or cancelled: nothing kept, nothing held.
    fn agrees(&self) -> bool {
        let account = &self.account;
        match self.status.as_str() {
            "confirmed" | "shipped" | "delivered" => {
                let paid = account.captures == 1 && account.refunds == 0 && account.captured_minor == self.total_minor;
                paid && self.payment == "captured" && self.reservation == "sold"
            }
            "failed" | "cancelled" => {
                let kept_nothing = account.captured_minor == account.refunded_minor && account.captures <= 1;
                let payment = ["closed", "refunded"].contains(&self.payment.as_str());
                let stock = ["closed", "released"].contains(&self.reservation.as_str());
                kept_nothing && payment && stock && self.compensation == "done"
            }
            _ => false,
        }
    }
}

/// Each product's counters must be the sum of its movements, and what is held the sum of what orders hold.
async fn stock_disagreements(stock: &PgPool) -> Result<Vec<String>, Trouble> {
    let rows: Vec<(Uuid, i64, i64, i64, i64, i64)> = sqlx::query_as(
        "select p.id, p.initial + p.restocked, p.available, p.reserved, p.sold,
                coalesce((select sum((item->>'quantity')::bigint) from reservations r, jsonb_array_elements(r.items) item
                          where r.state in ('reserved', 'sold') and (item->>'productId')::uuid = p.id), 0)::bigint
         from products p",
    )
    .fetch_all(stock)
    .await?;
    let wrong = rows
        .into_iter()
        .filter(|(_, brought_in, available, reserved, sold, held)| {
            *available < 0 || brought_in - available != reserved + sold || *held != reserved + sold
        });
    Ok(wrong
        .map(|row| format!("a product's stock does not add up: {row:?}"))
        .collect())
}
