//! The decision tables of payment-service and product-service, cell by cell, with the built programs: each step is a real
//! event on the real broker, each answer is read from the participant's own tables.

use crate::{
    fixture::{Fixture, eventually},
    redelivery::publish,
};
use chrono::Utc;
use platform_client::{
    catalogue::{HOUSE_BLEND, SOLD_OUT},
    id,
};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

/// The expected reaction to one event.
#[derive(Clone, Copy)]
enum Reaction {
    Publishes(&'static str),
    Nothing,
    DeadLetter,
}
use Reaction::{DeadLetter, Nothing, Publishes};

/// An event, the reaction of payment-service, the reaction of product-service.
type Step = (&'static str, Reaction, Reaction);

const VOIDED: Reaction = Publishes("payment.voided");
const REFUNDED: Reaction = Publishes("payment.refunded");
const COMPLETED: Reaction = Publishes("payment.completed");
const DECLINED: Reaction = Publishes("payment.failed");
const RESERVED: Reaction = Publishes("inventory.reserved");
const REJECTED: Reaction = Publishes("inventory.rejected");
const RELEASED: Reaction = Publishes("inventory.released");

const PLACED: &str = "order.placed";
const CONFIRMED: &str = "order.confirmed";
const FAILED: &str = "order.failed";
const CANCELLED: &str = "order.cancelled";
const COMPENSATION_REQUESTED: &str = "order.compensation_requested";

/// Ordered product, payment method, events.
type Scenario = (Uuid, &'static str, Vec<Step>);

fn scenarios() -> Vec<Scenario> {
    let ends = [FAILED, CANCELLED, COMPENSATION_REQUESTED];
    beginnings()
        .into_iter()
        .chain(ends.into_iter().flat_map(closed_by))
        .collect()
}

fn beginnings() -> [Scenario; 3] {
    // The successful end, then cancelled; after that only a repeated request for compensation is answered.
    let confirmed = vec![
        (PLACED, COMPLETED, RESERVED),
        (PLACED, Nothing, Nothing),
        (CONFIRMED, Nothing, Nothing),
        (PLACED, Nothing, Nothing),
        (CANCELLED, REFUNDED, RELEASED),
        (FAILED, Nothing, Nothing),
        (PLACED, Nothing, Nothing),
        (COMPENSATION_REQUESTED, REFUNDED, RELEASED),
    ];
    // A confirmation without a reservation is impossible.
    let never_reserved = vec![(CONFIRMED, Nothing, DeadLetter), (FAILED, VOIDED, RELEASED)];
    let rejected = vec![
        (PLACED, COMPLETED, REJECTED),
        (CONFIRMED, Nothing, DeadLetter),
        (FAILED, REFUNDED, RELEASED),
    ];
    [
        (HOUSE_BLEND, "pm_ok", confirmed),
        (HOUSE_BLEND, "pm_ok", never_reserved),
        (SOLD_OUT, "pm_ok", rejected),
    ]
}

fn closed_by(end: &'static str) -> [Scenario; 6] {
    // A tombstone: the late order has no effect.
    let before_the_order = vec![
        (end, VOIDED, RELEASED),
        (PLACED, Nothing, Nothing),
        (CANCELLED, Nothing, Nothing),
        (COMPENSATION_REQUESTED, VOIDED, RELEASED),
    ];
    // The charge is captured and refunded; its capture is not published.
    let while_charging = vec![
        (PLACED, Nothing, RESERVED),
        (end, REFUNDED, RELEASED),
        (PLACED, Nothing, Nothing),
        (COMPENSATION_REQUESTED, REFUNDED, RELEASED),
    ];
    let after_the_charge = vec![(PLACED, COMPLETED, RESERVED), (end, REFUNDED, RELEASED)];
    let after_a_decline = vec![
        (PLACED, DECLINED, RESERVED),
        (end, VOIDED, RELEASED),
        (FAILED, Nothing, Nothing),
        (COMPENSATION_REQUESTED, VOIDED, RELEASED),
    ];
    let with_neither = vec![(PLACED, DECLINED, REJECTED), (end, VOIDED, RELEASED)];
    // Back into stock.
    let after_the_sale = vec![
        (PLACED, COMPLETED, RESERVED),
        (CONFIRMED, Nothing, Nothing),
        (end, REFUNDED, RELEASED),
    ];
    [
        (HOUSE_BLEND, "pm_ok", before_the_order),
        (HOUSE_BLEND, "pm_slow", while_charging),
        (HOUSE_BLEND, "pm_ok", after_the_charge),
        (HOUSE_BLEND, "pm_declined", after_a_decline),
        (SOLD_OUT, "pm_declined", with_neither),
        (HOUSE_BLEND, "pm_ok", after_the_sale),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cell_of_both_decision_tables_reacts_as_designed() {
    let fixture = Fixture::open().await;
    let participants = Participants {
        payment: fixture.database("PAYMENT_DATABASE_URL"),
        product: fixture.database("PRODUCT_DATABASE_URL"),
    };
    let runs = scenarios()
        .into_iter()
        .map(|(product, method, steps)| participants.run(&fixture, product, method, steps));
    futures_util::future::join_all(runs).await;
    fixture.everything_agrees().await;
}

struct Participants {
    payment: PgPool,
    product: PgPool,
}

impl Participants {
    async fn run(&self, fixture: &Fixture, product: Uuid, method: &str, steps: Vec<Step>) {
        let order = id::new();
        let (mut of_payment, mut of_stock): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for (number, (event_type, payment, stock)) in steps.iter().enumerate() {
            let event = id::new();
            let body = envelope(event, event_type, order, number, product, method);
            publish(fixture, event_type, &body).await;
            let what = format!("step {number}, {event_type}, of {product} by {method}, order {order}");
            if *event_type != CONFIRMED {
                reacts(&self.payment, order, event, *payment, &mut of_payment, &what).await;
            }
            reacts(&self.product, order, event, *stock, &mut of_stock, &what).await;
        }
    }
}

/// Waits until the participant has handled the event, and checks that it has published the expected events and no other.
async fn reacts(
    pool: &PgPool,
    order: Uuid,
    event: Uuid,
    reaction: Reaction,
    expected: &mut Vec<&'static str>,
    what: &str,
) {
    let handled = match reaction {
        DeadLetter => "select count(*) from dead_letters where event_id = $1",
        Publishes(_) | Nothing => "select count(*) from inbox where event_id = $1",
    };
    eventually(what, async || {
        let count: i64 = sqlx::query_scalar(handled).bind(event).fetch_one(pool).await.ok()?;
        (count == 1).then_some(())
    })
    .await;
    if let Publishes(answer) = reaction {
        expected.push(answer);
    }
    // An answer that needs the provider comes a little later than the event.
    let published = eventually(&format!("{expected:?} after {what}"), async || {
        let published: Vec<String> = sqlx::query_scalar(PUBLISHED).bind(order).fetch_all(pool).await.ok()?;
        (published.len() >= expected.len()).then_some(published)
    })
    .await;
    assert_eq!(published, *expected, "{what}");
}

const PUBLISHED: &str = "select event_type from (
        select event_type, event_id from published where subject = $1
        union select event_type, event_id from outbox where subject = $1) events
    order by event_id";

#[expect(clippy::disallowed_methods, reason = "this test shares no code with the services")]
fn envelope(event: Uuid, event_type: &str, order: Uuid, number: usize, product: Uuid, method: &str) -> String {
    let mut data = json!({ "orderId": order, "userId": Uuid::nil(), "status": "placed", "reason": "deadline",
        "totalMinor": 1850, "currency": "USD" });
    if event_type == PLACED {
        data["items"] = json!([{ "productId": product, "quantity": 1, "unitPriceMinor": 1850 }]);
        data["paymentMethod"] = json!(method);
    }
    let metadata = json!({ "eventId": event, "timestamp": Utc::now(), "source": "order-service", "version": "1.0",
        "correlationId": order, "causationId": order, "subject": order, "sequence": number + 1 });
    json!({ "type": event_type, "data": data, "metadata": metadata }).to_string()
}
