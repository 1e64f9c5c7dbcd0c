//! Single transitions. The model checker, `tests/it/model.rs`, explores every sequence of them.

use super::*;

fn after(inputs: &[Input]) -> (State, Vec<Effect>) {
    let mut order = State::PLACED;
    let mut effects = Vec::new();
    for input in inputs {
        effects.extend(order.decide(*input).unwrap_or_default());
    }
    (order, effects)
}

#[test]
fn payment_then_stock_confirms_in_two_steps() {
    let (order, effects) = after(&[Input::PaymentCompleted]);
    assert_eq!(
        (order.status, effects),
        (Status::PaymentReceived, vec![Effect::PaymentReceived])
    );
    let (order, effects) = after(&[Input::PaymentCompleted, Input::StockReserved]);
    assert_eq!(
        (order.status, effects),
        (Status::Confirmed, vec![Effect::PaymentReceived, Effect::Confirmed])
    );
}

#[test]
fn stock_then_payment_confirms_in_one_step() {
    let mut order = State::PLACED;
    assert_eq!(order.decide(Input::StockReserved), Ok(vec![]));
    assert_eq!(order.status, Status::Placed);
    assert_eq!(
        order.decide(Input::PaymentCompleted),
        Ok(vec![Effect::PaymentReceived, Effect::Confirmed])
    );
}

#[test]
fn a_decline_or_rejection_fails_the_order_and_the_other_answer_is_only_recorded() {
    let (order, effects) = after(&[Input::StockRejected, Input::PaymentCompleted, Input::PaymentRefunded]);
    assert_eq!(
        (order.status, order.payment, effects),
        (Status::Failed, Payment::Refunded, vec![Effect::Failed])
    );
    assert_eq!(
        (order.reason, order.compensation),
        (Some(Reason::StockRejected), Compensation::Pending)
    );
    let (order, _) = after(&[Input::PaymentFailed, Input::PaymentVoided, Input::StockReleased]);
    assert_eq!(
        (order.reason, order.compensation),
        (Some(Reason::PaymentDeclined), Compensation::Done)
    );
}

#[test]
fn the_deadline_fails_open_orders_and_no_others() {
    for before in [&[][..], &[Input::PaymentCompleted], &[Input::StockReserved]] {
        let mut order = after(before).0;
        assert_eq!(
            order.decide(Input::DeadlinePassed),
            Ok(vec![Effect::Failed]),
            "{before:?}"
        );
        assert_eq!(order.reason, Some(Reason::Deadline));
    }
    let mut confirmed = after(&[Input::PaymentCompleted, Input::StockReserved]).0;
    assert_eq!(confirmed.decide(Input::DeadlinePassed), Ok(vec![]));
    assert_eq!(confirmed.status, Status::Confirmed);
}

#[test]
fn repeated_and_late_facts_change_nothing() {
    let inputs = [
        Input::PaymentCompleted,
        Input::StockReserved,
        Input::Cancel,
        Input::PaymentRefunded,
        Input::StockReleased,
    ];
    let (order, _) = after(&inputs);
    assert_eq!(order.compensation, Compensation::Done);
    for late in inputs
        .into_iter()
        .chain([Input::PaymentFailed, Input::StockRejected, Input::PaymentVoided])
    {
        let mut same = order;
        assert_eq!(same.decide(late), Ok(vec![]), "{late:?}");
        assert_eq!(same, order, "{late:?}");
    }
}

#[test]
fn an_invalid_transition_is_refused_and_leaves_the_state_unchanged() {
    let confirmed = after(&[Input::PaymentCompleted, Input::StockReserved]).0;
    let shipped = State {
        status: Status::Shipped,
        ..confirmed
    };
    let failed = after(&[Input::PaymentFailed]).0;
    for (mut order, input, to) in [
        (State::PLACED, Input::Ship, Status::Shipped),
        (confirmed, Input::Deliver, Status::Delivered),
        (shipped, Input::Cancel, Status::Cancelled),
        (failed, Input::Cancel, Status::Cancelled),
        (failed, Input::Ship, Status::Shipped),
    ] {
        let before = order;
        assert_eq!(
            order.decide(input),
            Err(Refusal::Transition {
                from: before.status,
                to
            })
        );
        assert_eq!(order, before);
    }
}

#[test]
fn an_unrequested_refund_is_refused() {
    let mut confirmed = after(&[Input::PaymentCompleted, Input::StockReserved]).0;
    for input in [Input::PaymentRefunded, Input::PaymentVoided, Input::StockReleased] {
        assert_eq!(
            confirmed.decide(input),
            Err(Refusal::Impossible {
                input,
                status: Status::Confirmed
            })
        );
    }
}

#[test]
fn compensation_is_requested_again_only_while_it_is_pending() {
    let mut order = after(&[Input::Cancel]).0;
    assert_eq!(
        order.decide(Input::CompensationOverdue),
        Ok(vec![Effect::CompensationRequested])
    );
    assert_eq!(
        order.decide(Input::CompensationOverdue),
        Ok(vec![Effect::CompensationRequested])
    );
    order.decide(Input::PaymentVoided).unwrap();
    order.decide(Input::StockReleased).unwrap();
    assert_eq!(order.decide(Input::CompensationOverdue), Ok(vec![]));
}
