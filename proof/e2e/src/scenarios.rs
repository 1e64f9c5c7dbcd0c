//! The five endings. Each function places one order and returns an error if it ends otherwise.

use crate::presentation::Demo;
use platform_client::{
    HarnessError,
    answer::Answer,
    catalogue::{ESPRESSO_CUP, HOUSE_BLEND, SOLD_OUT},
    order::Order,
};
use reqwest::StatusCode;
use std::{io::Write, time::Duration};

/// An order settles within a second; this is for a busy machine, or a process that has just been killed.
const SETTLE_LIMIT: Duration = Duration::from_secs(90);

/// Paid and in stock: confirmed.
pub(crate) async fn succeeds(demo: &mut Demo<'_, impl Write>) -> Result<(), HarnessError> {
    demo.title("An order that succeeds (2 espresso cups, payment method pm_ok)");
    let order = demo.customer.place_order(ESPRESSO_CUP, 2, "pm_ok").await?;
    settles(demo, &order, "confirmed", None).await
}

/// The provider declines: failed, and the reserved stock is released.
pub(crate) async fn is_declined(demo: &mut Demo<'_, impl Write>) -> Result<(), HarnessError> {
    demo.title("An order whose payment is declined (pm_declined)");
    let order = demo.customer.place_order(ESPRESSO_CUP, 1, "pm_declined").await?;
    settles(demo, &order, "failed", Some("payment_declined")).await
}

/// Nothing in stock: failed, and the money is refunded or never taken.
pub(crate) async fn is_out_of_stock(demo: &mut Demo<'_, impl Write>) -> Result<(), HarnessError> {
    demo.title("An order of a product that is sold out");
    let order = demo.customer.place_order(SOLD_OUT, 1, "pm_ok").await?;
    settles(demo, &order, "failed", Some("stock_rejected")).await
}

/// Confirmed, then cancelled by its owner: refunded, and back in stock.
pub(crate) async fn is_cancelled(demo: &mut Demo<'_, impl Write>) -> Result<(), HarnessError> {
    demo.title("An order that its owner cancels after it was confirmed");
    let order = demo.customer.place_order(HOUSE_BLEND, 3, "pm_ok").await?;
    demo.customer
        .wait_for_status(order.id, "confirmed", SETTLE_LIMIT)
        .await?;
    ok_or_repeated(demo.customer.cancel(order.id).await?)?;
    settles(demo, &order, "cancelled", None).await
}

/// Confirmed, shipped, delivered.
pub(crate) async fn is_delivered(demo: &mut Demo<'_, impl Write>) -> Result<(), HarnessError> {
    demo.title("An order that is shipped and delivered");
    let order = demo.customer.place_order(HOUSE_BLEND, 1, "pm_slow").await?;
    demo.customer
        .wait_for_status(order.id, "confirmed", SETTLE_LIMIT)
        .await?;
    for (step, status) in [("ship", "shipped"), ("deliver", "delivered")] {
        ok_or_repeated(demo.admin.advance(order.id, step).await?)?;
        demo.customer.wait_for_status(order.id, status, SETTLE_LIMIT).await?;
    }
    settles(demo, &order, "delivered", None).await
}

/// 409: an earlier try took effect and its answer got lost.
fn ok_or_repeated(answer: Answer) -> Result<(), HarnessError> {
    if answer.status != StatusCode::CONFLICT {
        answer.expect_status(StatusCode::OK)?;
    }
    Ok(())
}

async fn settles(
    demo: &mut Demo<'_, impl Write>,
    order: &Order,
    status: &str,
    reason: Option<&str>,
) -> Result<(), HarnessError> {
    let order = demo.customer.wait_until_settled(order.id, SETTLE_LIMIT).await?;
    demo.show(&order).await?;
    if order.status == status && (reason.is_none() || order.reason.as_deref() == reason) {
        return Ok(());
    }
    let Order {
        status: ended,
        reason: why,
        ..
    } = order;
    Err(HarnessError::unexpected(format!(
        "the order should have ended with {status} ({reason:?}), and has with {ended} ({why:?})"
    )))
}
