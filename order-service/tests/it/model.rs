//! The model test: the real rules of an order, and small models of the two participants, walked through every order in
//! which messages can arrive, early, late and repeatedly, with cancel, deadline, shipping and asking again in between.
//!
//! It searches the whole space of states breadth-first, so that the first violation found has the shortest path to it.

mod participants;
mod search;
mod world;

use order_service::domain::{Effect, Input, Payment, Refusal, State, Status, Stock};
use participants::{PaymentState, StockState, StockStep};
use search::{Outcome, explore};
use world::{Message, Rules};

/// Nothing is lost: every quiet state is an agreed end state, without help of deadline or asking again.
#[test]
fn every_interleaving_ends_in_agreement() {
    let outcome = explore(Rules::AS_DESIGNED, 0);
    report("nothing lost", &outcome);
    let Outcome::Sound { ends, .. } = outcome else {
        panic!("{outcome}")
    };
    for status in [
        Status::Confirmed,
        Status::Shipped,
        Status::Delivered,
        Status::Failed,
        Status::Cancelled,
    ] {
        assert!(
            ends.contains(&status),
            "no run ended as {status:?}: the search did not reach what it should"
        );
    }
}

/// Two messages may vanish (say, an operator discards dead letters): deadline and asking again still lead to agreement.
/// Only `order.confirmed` may not: a sale is not asked for again.
#[test]
fn deadline_and_asking_again_make_up_for_lost_messages() {
    let outcome = explore(Rules::AS_DESIGNED, 2);
    report("two lost", &outcome);
    assert!(matches!(outcome, Outcome::Sound { .. }), "{outcome}");
}

/// The checker can fail: each of these breaks one rule, and each is found.
#[test]
fn finds_what_is_wrong_with_broken_rules() {
    let right = Rules::AS_DESIGNED;
    let broken = [
        (
            "a payment after the cancellation confirms",
            Rules {
                order: confirms_after_cancel,
                ..right
            },
        ),
        (
            "confirmed without asking the stock",
            Rules {
                order: confirms_on_payment_alone,
                ..right
            },
        ),
        (
            "compensation is done when money is back",
            Rules {
                order: forgets_the_stock,
                ..right
            },
        ),
        (
            "a close during the charge is dropped",
            Rules {
                payment: drops_close_while_charging,
                ..right
            },
        ),
        (
            "no tombstone for an early close",
            Rules {
                stock: leaves_no_tombstone,
                ..right
            },
        ),
        (
            "a sold reservation is not taken back",
            Rules {
                stock: keeps_what_is_sold,
                ..right
            },
        ),
    ];
    for (name, rules) in broken {
        let outcome = explore(rules, 0);
        report(name, &outcome);
        assert!(matches!(outcome, Outcome::Violated { .. }), "`{name}` was not found");
    }
}

/// The size of the search is what makes it worth believing.
fn report(name: &str, outcome: &Outcome) {
    println!("{name}: {outcome}");
}

type Applied = Result<Vec<Effect>, Refusal>;

fn confirms_after_cancel(order: &mut State, input: Input) -> Applied {
    if order.status == Status::Cancelled && input == Input::PaymentCompleted && order.stock == Stock::Reserved {
        order.status = Status::Confirmed;
        order.payment = Payment::Captured;
        return Ok(vec![Effect::Confirmed]);
    }
    order.decide(input)
}

fn confirms_on_payment_alone(order: &mut State, input: Input) -> Applied {
    let mut effects = order.decide(input)?;
    if order.status == Status::PaymentReceived {
        order.status = Status::Confirmed;
        effects.push(Effect::Confirmed);
    }
    Ok(effects)
}

fn forgets_the_stock(order: &mut State, input: Input) -> Applied {
    let effects = order.decide(input)?;
    if matches!(order.payment, Payment::Voided | Payment::Refunded) {
        order.compensation = order_service::domain::Compensation::Done;
    }
    Ok(effects)
}

fn drops_close_while_charging(state: PaymentState, message: Message) -> (PaymentState, Option<Message>) {
    match (state, message) {
        (PaymentState::ChargeSent, Message::Failed | Message::Cancelled) => (state, None),
        _ => participants::payment(state, message),
    }
}

fn leaves_no_tombstone(state: StockState, message: Message, enough: bool) -> StockStep {
    match (state, message) {
        (StockState::None, Message::Failed | Message::Cancelled) => Ok((state, Some(Message::StockReleased))),
        _ => participants::stock(state, message, enough),
    }
}

fn keeps_what_is_sold(state: StockState, message: Message, enough: bool) -> StockStep {
    match (state, message) {
        (StockState::Sold, Message::Cancelled) => Ok((state, Some(Message::StockReleased))),
        _ => participants::stock(state, message, enough),
    }
}
