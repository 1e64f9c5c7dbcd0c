//! Every way an order can end, with the real provider, mail and stock.

use crate::stage::{HOUSE_BLEND, PATIENCE, SOLD_OUT, Stage, must};
use e2e::ledger;
use reqwest::StatusCode;

#[tokio::test(flavor = "multi_thread")]
async fn each_payment_method_ends_as_it_should() {
    let stage = Stage::open().await;
    let shopper = stage.shopper().await;
    let methods = [
        ("pm_ok", "confirmed"),
        ("pm_slow", "confirmed"),
        ("pm_flaky", "confirmed"),
        // The provider captures and cuts, or stalls past every timeout: only asking by key tells the truth.
        ("pm_cut", "confirmed"),
        ("pm_stall", "confirmed"),
        ("pm_declined", "failed"),
    ];
    let mut orders = Vec::new();
    for (method, ending) in methods {
        orders.push((must(shopper.order(HOUSE_BLEND, 1, method).await), method, ending));
    }
    for (order, method, ending) in orders {
        let settled = must(shopper.wait_until_settled(order.id, PATIENCE).await);
        assert_eq!(settled.status, ending, "{method}: {settled:?}");
        let account = must(ledger::accounts(&stage.platform).await)
            .remove(&order.id)
            .unwrap_or_default();
        assert_eq!(
            account.captures,
            u32::from(ending == "confirmed"),
            "{method}: {account:?}"
        );
    }
    stage.everything_agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sold_out_costs_nothing() {
    let stage = Stage::open().await;
    let shopper = stage.shopper().await;
    let order = must(shopper.order(SOLD_OUT, 1, "pm_ok").await);
    let settled = must(shopper.wait_until_settled(order.id, PATIENCE).await);
    assert_eq!(
        (settled.status.as_str(), settled.reason.as_deref()),
        ("failed", Some("stock_rejected"))
    );
    stage.everything_agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_customers_want_the_last_three_pieces() {
    let stage = Stage::open().await;
    let product = must(stage.admin.create_product("Three pieces", 500, 3).await);
    let shoppers = futures_util::future::join_all((0..5).map(|_| stage.shopper())).await;
    let mut orders = Vec::new();
    for number in 0..50 {
        let shopper = &shoppers[number % shoppers.len()];
        orders.push((shopper.clone(), must(shopper.order(&product, 1, "pm_ok").await)));
    }
    let ended = stage.all_settle(&orders).await;
    assert_eq!(ended.get("confirmed"), Some(&3), "{ended:?}");
    assert_eq!(ended.get("failed"), Some(&47), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_gives_everything_back_until_it_is_shipped() {
    let stage = Stage::open().await;
    let shopper = stage.shopper().await;
    // At once, while payment and stock are under way.
    let early = must(shopper.order(HOUSE_BLEND, 1, "pm_slow").await);
    must(must(shopper.cancel(early.id).await).expect(StatusCode::OK));
    // After it was confirmed.
    let late = must(shopper.order(HOUSE_BLEND, 1, "pm_ok").await);
    must(shopper.wait_for_status(late.id, "confirmed", PATIENCE).await);
    must(must(shopper.cancel(late.id).await).expect(StatusCode::OK));
    for order in [&early, &late] {
        let settled = must(shopper.wait_until_settled(order.id, PATIENCE).await);
        assert_eq!(
            (settled.status.as_str(), settled.stock.as_str()),
            ("cancelled", "released"),
            "{settled:?}"
        );
    }
    // Too late.
    let shipped = must(shopper.order(HOUSE_BLEND, 1, "pm_ok").await);
    must(shopper.wait_for_status(shipped.id, "confirmed", PATIENCE).await);
    must(must(stage.admin.advance(shipped.id, "ship").await).expect(StatusCode::OK));
    must(must(shopper.cancel(shipped.id).await).expect(StatusCode::CONFLICT));
    must(must(stage.admin.advance(shipped.id, "deliver").await).expect(StatusCode::OK));
    assert_eq!(must(shopper.look_at(shipped.id).await).status, "delivered");
    stage.everything_agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_answers_fails_at_its_deadline_and_is_made_good() {
    let stage = Stage::open().await;
    let shopper = stage.shopper().await;
    stage.stop("payment-service").await;
    let order = must(shopper.order(HOUSE_BLEND, 1, "pm_ok").await);
    let failed = must(shopper.wait_for_status(order.id, "failed", PATIENCE).await);
    assert_eq!(failed.reason.as_deref(), Some("deadline"));
    assert_eq!(failed.compensation, "pending");
    // The late `order.placed` meets the order's end in payment-service's queue, in order: nothing stays charged.
    stage.start("payment-service");
    must(shopper.wait_until_settled(order.id, PATIENCE).await);
    stage.everything_agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_and_analytics_see_the_whole_journey() {
    let stage = Stage::open().await;
    let shopper = stage.shopper().await;
    let order = must(shopper.order(HOUSE_BLEND, 1, "pm_ok").await);
    must(shopper.wait_until_settled(order.id, PATIENCE).await);
    let mut seen: Vec<String> = must(shopper.timeline(order.id).await)
        .into_iter()
        .map(|step| step.r#type)
        .collect();
    assert_eq!(seen.first().map(String::as_str), Some("order.placed"));
    seen.sort();
    let wanted = [
        "inventory.reserved",
        "order.confirmed",
        "order.payment_received",
        "order.placed",
        "payment.completed",
    ];
    assert_eq!(seen, wanted);
    let stored = crate::stage::eventually("analytics to have all five", || async {
        let events = must(stage.admin.timeline(order.id).await);
        (events.len() == wanted.len()).then_some(events)
    })
    .await;
    let correlation = &stored[0]["correlationId"];
    assert!(
        correlation.is_string() && stored.iter().all(|event| &event["correlationId"] == correlation),
        "{stored:?}"
    );
}
