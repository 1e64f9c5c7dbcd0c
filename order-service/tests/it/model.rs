//! The model check of the saga: the production rules of an order and small models of the two participants, in every
//! interleaving of messages, early, late and repeated, with cancellation, deadline, shipping and compensation requests.
//!
//! The checker explores the state space breadth-first, so that a counterexample is a shortest path to its violation.

mod checker;
mod participants;
mod system;

use checker::{Outcome, check_model};
use order_service::domain::{Effect, Input, Payment, Refusal, State, Status, Stock};
use participants::{PaymentState, StockState, StockTransition};
use system::{Message, Rules};

/// Without losses every quiescent state is an agreed end state, with or without deadline and compensation requests.
#[test]
fn every_interleaving_ends_in_an_agreed_state() {
    let outcome = check_model(Rules::AS_DESIGNED, 0);
    report("without losses", &outcome);
    let Outcome::Holds { ends, .. } = outcome else {
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
            "no end state is {status:?}: the state space is not explored completely"
        );
    }
}

/// Two messages may be lost (an operator discards dead letters): deadline and compensation requests still lead to an
/// agreed state. `order.confirmed` is not among them: a sale is not requested again.
#[test]
fn deadline_and_compensation_requests_recover_from_lost_messages() {
    let outcome = check_model(Rules::AS_DESIGNED, 2);
    report("two losses", &outcome);
    assert!(matches!(outcome, Outcome::Holds { .. }), "{outcome}");
}

/// Each mutant breaks one rule, and the checker finds a counterexample to each.
#[test]
fn each_mutant_of_the_rules_has_a_counterexample() {
    let designed = Rules::AS_DESIGNED;
    let mutants = [
        (
            "a payment after the cancellation confirms the order",
            Rules {
                order: confirms_after_cancel,
                ..designed
            },
        ),
        (
            "an order without reserved stock is confirmed",
            Rules {
                order: confirms_without_stock,
                ..designed
            },
        ),
        (
            "compensation is done when only the payment is voided or refunded",
            Rules {
                order: completes_compensation_without_stock,
                ..designed
            },
        ),
        (
            "an end of the order during the charge is ignored",
            Rules {
                payment: ignores_end_while_charging,
                ..designed
            },
        ),
        (
            "an order that ends before it is placed leaves no tombstone",
            Rules {
                stock: leaves_no_tombstone,
                ..designed
            },
        ),
        (
            "sold items are not returned",
            Rules {
                stock: keeps_sold_items,
                ..designed
            },
        ),
    ];
    for (name, rules) in mutants {
        let outcome = check_model(rules, 0);
        report(name, &outcome);
        assert!(matches!(outcome, Outcome::Counterexample { .. }), "{name}");
    }
}

/// Prints the size of the state space, without which the result proves little.
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

fn confirms_without_stock(order: &mut State, input: Input) -> Applied {
    let mut effects = order.decide(input)?;
    if order.status == Status::PaymentReceived {
        order.status = Status::Confirmed;
        effects.push(Effect::Confirmed);
    }
    Ok(effects)
}

fn completes_compensation_without_stock(order: &mut State, input: Input) -> Applied {
    let effects = order.decide(input)?;
    if matches!(order.payment, Payment::Voided | Payment::Refunded) {
        order.compensation = order_service::domain::Compensation::Done;
    }
    Ok(effects)
}

fn ignores_end_while_charging(state: PaymentState, message: Message) -> (PaymentState, Option<Message>) {
    match (state, message) {
        (PaymentState::ChargeSent, Message::Failed | Message::Cancelled) => (state, None),
        _ => participants::payment(state, message),
    }
}

fn leaves_no_tombstone(state: StockState, message: Message, enough: bool) -> StockTransition {
    match (state, message) {
        (StockState::None, Message::Failed | Message::Cancelled) => Ok((state, Some(Message::StockReleased))),
        _ => participants::stock(state, message, enough),
    }
}

fn keeps_sold_items(state: StockState, message: Message, enough: bool) -> StockTransition {
    match (state, message) {
        (StockState::Sold, Message::Cancelled) => Ok((state, Some(Message::StockReleased))),
        _ => participants::stock(state, message, enough),
    }
}
