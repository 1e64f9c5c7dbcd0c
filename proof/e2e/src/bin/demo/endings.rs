//! The five endings. Each function places one order and returns an error if it ends otherwise.

use crate::journey::Stage;
use e2e::trouble::Trouble;
use reqwest::StatusCode;
use std::{io::Write, time::Duration};

/// From the seeded catalogue (`product-service/migrations`).
const ESPRESSO_CUP: &str = "01900000-0000-7000-8000-000000000001";
const SOLD_OUT_TAMPER: &str = "01900000-0000-7000-8000-000000000012";
const HOUSE_BLEND: &str = "01900000-0000-7000-8000-000000000004";
/// An order settles within a second; this is for a machine that is busy, or a process that has just been killed.
const PATIENCE: Duration = Duration::from_secs(90);

/// Paid, in stock: confirmed.
pub(crate) async fn succeeds(stage: &mut Stage<'_, impl Write>) -> Result<(), Trouble> {
    stage.title("An order that succeeds (2 espresso cups, payment method pm_ok)");
    let order = stage.shopper.order(ESPRESSO_CUP, 2, "pm_ok").await?;
    let order = stage.shopper.wait_until_settled(order.id, PATIENCE).await?;
    stage.show(&order).await?;
    ended(&order.status, "confirmed")
}

/// The provider declines: failed, and the reserved stock is given back.
pub(crate) async fn is_declined(stage: &mut Stage<'_, impl Write>) -> Result<(), Trouble> {
    stage.title("An order whose payment is declined (pm_declined)");
    let order = stage.shopper.order(ESPRESSO_CUP, 1, "pm_declined").await?;
    let order = stage.shopper.wait_until_settled(order.id, PATIENCE).await?;
    stage.show(&order).await?;
    ended(&order.status, "failed")?;
    ended(order.reason.as_deref().unwrap_or("no reason"), "payment_declined")
}

/// Nothing in stock: failed, and the money is given back or never taken.
pub(crate) async fn is_out_of_stock(stage: &mut Stage<'_, impl Write>) -> Result<(), Trouble> {
    stage.title("An order of something that is sold out");
    let order = stage.shopper.order(SOLD_OUT_TAMPER, 1, "pm_ok").await?;
    let order = stage.shopper.wait_until_settled(order.id, PATIENCE).await?;
    stage.show(&order).await?;
    ended(&order.status, "failed")?;
    ended(order.reason.as_deref().unwrap_or("no reason"), "stock_rejected")
}

/// Confirmed, then cancelled by its owner: refunded, and back in stock.
pub(crate) async fn is_cancelled(stage: &mut Stage<'_, impl Write>) -> Result<(), Trouble> {
    stage.title("An order that its owner cancels after it was confirmed");
    let order = stage.shopper.order(HOUSE_BLEND, 3, "pm_ok").await?;
    stage.shopper.wait_for_status(order.id, "confirmed", PATIENCE).await?;
    let answer = stage.shopper.cancel(order.id).await?;
    // Asked again because an answer got lost, the second time finds it cancelled.
    if answer.status != StatusCode::CONFLICT {
        answer.expect(StatusCode::OK)?;
    }
    let order = stage.shopper.wait_until_settled(order.id, PATIENCE).await?;
    stage.show(&order).await?;
    ended(&order.status, "cancelled")
}

/// Confirmed, shipped, delivered.
pub(crate) async fn is_shipped(stage: &mut Stage<'_, impl Write>) -> Result<(), Trouble> {
    stage.title("An order that is shipped and delivered");
    let order = stage.shopper.order(HOUSE_BLEND, 1, "pm_slow").await?;
    stage.shopper.wait_for_status(order.id, "confirmed", PATIENCE).await?;
    for (step, status) in [("ship", "shipped"), ("deliver", "delivered")] {
        let answer = stage.admin.advance(order.id, step).await?;
        if answer.status != StatusCode::CONFLICT {
            answer.expect(StatusCode::OK)?;
        }
        stage.shopper.wait_for_status(order.id, status, PATIENCE).await?;
    }
    let order = stage.shopper.look_at(order.id).await?;
    stage.show(&order).await?;
    ended(&order.status, "delivered")
}

fn ended(seen: &str, wanted: &str) -> Result<(), Trouble> {
    if seen == wanted {
        return Ok(());
    }
    Err(Trouble::Disagreement(format!(
        "it should have ended with {wanted}, not {seen}"
    )))
}
