//! Every way an order can end, with the real provider, mail and stock.

use crate::fixture::{Fixture, SETTLE_LIMIT, cancel, confirmed_order, eventually, expect_ok, settled};
use platform_client::{
    catalogue::{HOUSE_BLEND, SOLD_OUT},
    ledger,
};
use reqwest::StatusCode;

#[tokio::test(flavor = "multi_thread")]
async fn each_payment_method_leads_to_its_outcome() {
    let fixture = Fixture::open().await;
    let customer = fixture.customer().await;
    let methods = [
        ("pm_ok", "confirmed"),
        ("pm_slow", "confirmed"),
        ("pm_flaky", "confirmed"),
        // The provider captures and cuts, or stalls past every timeout: only a query by key gives the outcome.
        ("pm_cut", "confirmed"),
        ("pm_stall", "confirmed"),
        ("pm_declined", "failed"),
    ];
    let mut orders = Vec::new();
    for (method, ending) in methods {
        let order = expect_ok(customer.place_order(HOUSE_BLEND, 1, method).await);
        orders.push((order, method, ending));
    }
    for (order, method, ending) in orders {
        let settled = settled(&customer, order.id).await;
        assert_eq!(settled.status, ending, "{method}: {settled:?}");
        let log = expect_ok(ledger::fetch(&fixture.platform).await);
        let account = ledger::accounts(&log).remove(&order.id).unwrap_or_default();
        let captures = usize::from(ending == "confirmed");
        assert_eq!(account.captures.len(), captures, "{method}: {account:?}");
    }
    fixture.everything_agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_a_sold_out_product_fails_and_costs_nothing() {
    let fixture = Fixture::open().await;
    let customer = fixture.customer().await;
    let order = expect_ok(customer.place_order(SOLD_OUT, 1, "pm_ok").await);
    let settled = settled(&customer, order.id).await;
    assert_eq!(
        (settled.status.as_str(), settled.reason.as_deref()),
        ("failed", Some("stock_rejected"))
    );
    fixture.everything_agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_orders_for_the_last_three_pieces_three_are_confirmed() {
    let fixture = Fixture::open().await;
    let product = expect_ok(fixture.admin.create_product("Three pieces", 500, 3).await);
    let customers = futures_util::future::join_all((0..5).map(|_| fixture.customer())).await;
    let mut orders = Vec::new();
    for number in 0..50 {
        let customer = &customers[number % customers.len()];
        let order = expect_ok(customer.place_order(product, 1, "pm_ok").await);
        orders.push((customer.clone(), order));
    }
    let ended = fixture.all_settle(&orders).await;
    assert_eq!(ended.get("confirmed"), Some(&3), "{ended:?}");
    assert_eq!(ended.get("failed"), Some(&47), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_gives_everything_back_until_the_order_is_shipped() {
    let fixture = Fixture::open().await;
    let customer = fixture.customer().await;
    // While payment and stock are in progress.
    let early = expect_ok(customer.place_order(HOUSE_BLEND, 1, "pm_slow").await).id;
    cancel(&customer, early, StatusCode::OK).await;
    let late = confirmed_order(&customer).await;
    cancel(&customer, late, StatusCode::OK).await;
    for order in [early, late] {
        let settled = settled(&customer, order).await;
        assert_eq!(
            (settled.status.as_str(), settled.stock.as_str()),
            ("cancelled", "released"),
            "{settled:?}"
        );
    }
    let shipped = confirmed_order(&customer).await;
    fixture.advance(shipped, "ship").await;
    cancel(&customer, shipped, StatusCode::CONFLICT).await;
    fixture.advance(shipped, "deliver").await;
    assert_eq!(expect_ok(customer.fetch_order(shipped).await).status, "delivered");
    fixture.everything_agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_a_payment_answer_fails_at_its_deadline_and_is_compensated() {
    let fixture = Fixture::open().await;
    let customer = fixture.customer().await;
    fixture.stop("payment-service").await;
    let order = expect_ok(customer.place_order(HOUSE_BLEND, 1, "pm_ok").await);
    let failed = expect_ok(customer.wait_for_status(order.id, "failed", SETTLE_LIMIT).await);
    assert_eq!(failed.reason.as_deref(), Some("deadline"));
    assert_eq!(failed.compensation, "pending");
    // The late `order.placed` precedes the order's end in payment-service's queue: nothing stays charged.
    fixture.start("payment-service").await;
    settled(&customer, order.id).await;
    fixture.everything_agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_and_analytics_see_every_event_of_an_order() {
    let fixture = Fixture::open().await;
    let customer = fixture.customer().await;
    let order = expect_ok(customer.place_order(HOUSE_BLEND, 1, "pm_ok").await);
    settled(&customer, order.id).await;
    let timeline = expect_ok(customer.timeline(order.id).await);
    let mut seen: Vec<String> = timeline.into_iter().map(|event| event.r#type).collect();
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
    let stored = eventually("analytics to have all five", async || {
        let events = expect_ok(fixture.admin.timeline(order.id).await);
        (events.len() == wanted.len()).then_some(events)
    })
    .await;
    let correlation = &stored[0]["correlationId"];
    assert!(
        correlation.is_string() && stored.iter().all(|event| &event["correlationId"] == correlation),
        "{stored:?}"
    );
}
