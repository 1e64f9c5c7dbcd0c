//! Orders that end while their charge cannot be made: none of them is charged afterwards.

use crate::fixture::Fixture;
use testkit::eventually;
use uuid::Uuid;

#[tokio::test]
async fn an_order_that_ends_while_the_provider_is_unreachable_is_not_charged_later() {
    let mut fixture = Fixture::new().await;
    fixture.provider.kill();
    let order_id = fixture.place_order("pm_ok").await;
    fixture.wait_for_unsent(order_id).await;
    fixture.publish("order.failed", order_id).await;
    // Without the provider: nothing was sent, so there is nothing to ask.
    fixture.wait_for("payment.voided", order_id).await;

    fixture.provider.restart();
    let next = fixture.place_order("pm_ok").await;
    fixture.wait_for("payment.completed", next).await;
    assert_eq!(fixture.published(order_id).await, ["payment.voided"]);
    assert_eq!(fixture.provider.log_of(order_id), []);
}

#[tokio::test]
async fn of_many_orders_that_end_during_an_outage_none_is_charged_afterwards() {
    let mut fixture = Fixture::new().await;
    fixture.provider.kill();
    let mut orders = Vec::new();
    for _ in 0..40 {
        orders.push(fixture.place_order("pm_ok").await);
    }
    eventually("charges that could not be sent", || async {
        let unsent = "select count(*) from intents where last_error is not null";
        let unsent: i64 = sqlx::query_scalar(unsent)
            .fetch_one(&fixture.service.database)
            .await
            .unwrap();
        (unsent >= 16).then_some(())
    })
    .await;
    for order_id in &orders {
        fixture.publish("order.cancelled", *order_id).await;
    }
    for order_id in &orders {
        fixture.wait_for("payment.voided", *order_id).await;
    }
    fixture.provider.restart();
    let next = fixture.place_order("pm_ok").await;
    fixture.wait_for("payment.completed", next).await;
    for order_id in orders {
        assert_eq!(fixture.published(order_id).await, ["payment.voided"]);
        assert_eq!(fixture.provider.log_of(order_id), []);
    }
}

#[tokio::test]
async fn a_charge_that_was_sent_and_lost_is_voided_and_not_repeated() {
    let mut fixture = Fixture::new().await;
    // What it was sent is lost with it.
    fixture.provider.freeze();
    let order_id = fixture.place_order("pm_ok").await;
    fixture.wait_for_unknown_outcome(order_id).await;
    fixture.publish("order.cancelled", order_id).await;
    fixture.wait_for_state(order_id, "to_close").await;
    fixture.provider.restart();

    fixture.wait_for("payment.voided", order_id).await;
    assert_eq!(fixture.published(order_id).await, ["payment.voided"]);
    assert_eq!(fixture.provider.log_of(order_id), []);
    assert!(fixture.provider.is_voided(payment_id(&fixture, order_id).await));
}

async fn payment_id(fixture: &Fixture, order_id: Uuid) -> Uuid {
    sqlx::query_scalar("select id from payments where order_id = $1")
        .bind(order_id)
        .fetch_one(&fixture.service.database)
        .await
        .unwrap()
}
