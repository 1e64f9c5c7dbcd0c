//! The two participant tables, cell by cell, with the built programs: each step is a real event on the real broker, each
//! answer is read from what the participant has written down.

use crate::{
    stage::{HOUSE_BLEND, SOLD_OUT, Stage, eventually, must},
    twice::publish,
};
use chrono::Utc;
use e2e::id;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

/// What one event must bring about: an answer, none, or a dead letter.
#[derive(Clone, Copy)]
enum Then {
    Says(&'static str),
    Nothing,
    Dies,
}
use Then::{Dies, Nothing, Says};

/// An event, what payment-service answers, what product-service answers.
type Step = (&'static str, Then, Then);

const VOIDED: Then = Says("payment.voided");
const REFUNDED: Then = Says("payment.refunded");
const COMPLETED: Then = Says("payment.completed");
const DECLINED: Then = Says("payment.failed");
const RESERVED: Then = Says("inventory.reserved");
const REJECTED: Then = Says("inventory.rejected");
const RELEASED: Then = Says("inventory.released");

const PLACED: &str = "order.placed";
const CONFIRMED: &str = "order.confirmed";
const FAILED: &str = "order.failed";
const CANCELLED: &str = "order.cancelled";
const ASKED_AGAIN: &str = "order.compensation_requested";

/// What is ordered, how it is paid, and what happens.
type Scenario = (&'static str, &'static str, Vec<Step>);

fn scenarios() -> Vec<Scenario> {
    let ends = [FAILED, CANCELLED, ASKED_AGAIN];
    beginnings()
        .into_iter()
        .chain(ends.into_iter().flat_map(closed_by))
        .collect()
}

fn beginnings() -> [Scenario; 3] {
    // The good end, then given back; after that only asking again is answered.
    let confirmed = vec![
        (PLACED, COMPLETED, RESERVED),
        (PLACED, Nothing, Nothing),
        (CONFIRMED, Nothing, Nothing),
        (PLACED, Nothing, Nothing),
        (CANCELLED, REFUNDED, RELEASED),
        (FAILED, Nothing, Nothing),
        (PLACED, Nothing, Nothing),
        (ASKED_AGAIN, REFUNDED, RELEASED),
    ];
    // A confirmation of what was never reserved, or was rejected, is impossible.
    let never_reserved = vec![(CONFIRMED, Nothing, Dies), (FAILED, VOIDED, RELEASED)];
    let rejected = vec![
        (PLACED, COMPLETED, REJECTED),
        (CONFIRMED, Nothing, Dies),
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
        (ASKED_AGAIN, VOIDED, RELEASED),
    ];
    // The money comes, and goes back; nobody is told that it came.
    let while_charging = vec![
        (PLACED, Nothing, RESERVED),
        (end, REFUNDED, RELEASED),
        (PLACED, Nothing, Nothing),
        (ASKED_AGAIN, REFUNDED, RELEASED),
    ];
    let after_the_charge = vec![(PLACED, COMPLETED, RESERVED), (end, REFUNDED, RELEASED)];
    let after_a_decline = vec![
        (PLACED, DECLINED, RESERVED),
        (end, VOIDED, RELEASED),
        (FAILED, Nothing, Nothing),
        (ASKED_AGAIN, VOIDED, RELEASED),
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
async fn each_cell_of_both_tables_answers_as_designed() {
    let stage = Stage::open().await;
    let participants = Participants {
        payment: must(stage.platform.database("PAYMENT_DATABASE_URL")),
        product: must(stage.platform.database("PRODUCT_DATABASE_URL")),
    };
    let plays = scenarios()
        .into_iter()
        .map(|(product, method, steps)| participants.play(&stage, product, method, steps));
    futures_util::future::join_all(plays).await;
    stage.everything_agrees().await;
}

struct Participants {
    payment: PgPool,
    product: PgPool,
}

impl Participants {
    async fn play(&self, stage: &Stage, product: &str, method: &str, steps: Vec<Step>) {
        let order = id::new();
        let (mut paid, mut stocked): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for (number, (event_type, payment, stock)) in steps.iter().enumerate() {
            let event = id::new();
            let body = envelope(event, event_type, order, number, product, method);
            publish(stage, event_type, &body).await;
            let what = format!("step {number}, {event_type}, of {product} by {method}, order {order}");
            if *event_type != CONFIRMED {
                answers(&self.payment, order, event, *payment, &mut paid, &what).await;
            }
            answers(&self.product, order, event, *stock, &mut stocked, &what).await;
        }
    }
}

/// Waits until the participant has dealt with the event, and checks that it has said what it must and nothing else.
async fn answers(pool: &PgPool, order: Uuid, event: Uuid, then: Then, said: &mut Vec<&'static str>, what: &str) {
    let dealt_with = match then {
        Dies => "select count(*) from dead_letters where event_id = $1",
        Says(_) | Nothing => "select count(*) from inbox where event_id = $1",
    };
    eventually(what, || async {
        let count: i64 = sqlx::query_scalar(dealt_with).bind(event).fetch_one(pool).await.ok()?;
        (count == 1).then_some(())
    })
    .await;
    if let Says(answer) = then {
        said.push(answer);
    }
    // What the provider has to be asked for comes a little later than the event.
    let now = eventually(&format!("{said:?} after {what}"), || async {
        let now: Vec<String> = sqlx::query_scalar(SAID).bind(order).fetch_all(pool).await.ok()?;
        (now.len() >= said.len()).then_some(now)
    })
    .await;
    assert_eq!(now, *said, "{what}");
}

const SAID: &str = "select event_type from (
        select event_type, event_id from published where subject = $1
        union select event_type, event_id from outbox where subject = $1) said
    order by event_id";

#[expect(clippy::disallowed_methods, reason = "this test shares no code with the services")]
fn envelope(event: Uuid, event_type: &str, order: Uuid, number: usize, product: &str, method: &str) -> String {
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
