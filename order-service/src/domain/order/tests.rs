//! Single steps. Every order of steps is walked by the model test, `tests/it/model.rs`.

use super::*;

fn after(inputs: &[Input]) -> (Order, Vec<Emitted>) {
    let mut order = Order::PLACED;
    let mut emitted = Vec::new();
    for input in inputs {
        emitted.extend(order.apply(*input).unwrap_or_default());
    }
    (order, emitted)
}

#[test]
fn payment_then_stock_confirms_in_two_steps() {
    let (order, emitted) = after(&[Input::PaymentCompleted]);
    assert_eq!(
        (order.status, emitted),
        (Status::PaymentReceived, vec![Emitted::PaymentReceived])
    );
    let (order, emitted) = after(&[Input::PaymentCompleted, Input::StockReserved]);
    assert_eq!(
        (order.status, emitted),
        (Status::Confirmed, vec![Emitted::PaymentReceived, Emitted::Confirmed])
    );
}

#[test]
fn stock_then_payment_confirms_in_one_step() {
    let mut order = Order::PLACED;
    assert_eq!(order.apply(Input::StockReserved), Ok(vec![]));
    assert_eq!(order.status, Status::Placed);
    assert_eq!(
        order.apply(Input::PaymentCompleted),
        Ok(vec![Emitted::PaymentReceived, Emitted::Confirmed])
    );
}

#[test]
fn one_bad_answer_fails_the_order_and_the_other_is_only_recorded() {
    let (order, emitted) = after(&[Input::StockRejected, Input::PaymentCompleted, Input::PaymentRefunded]);
    assert_eq!(
        (order.status, order.payment, emitted),
        (Status::Failed, Payment::Refunded, vec![Emitted::Failed])
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
            order.apply(Input::DeadlinePassed),
            Ok(vec![Emitted::Failed]),
            "{before:?}"
        );
        assert_eq!(order.reason, Some(Reason::Deadline));
    }
    let mut confirmed = after(&[Input::PaymentCompleted, Input::StockReserved]).0;
    assert_eq!(confirmed.apply(Input::DeadlinePassed), Ok(vec![]));
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
        assert_eq!(same.apply(late), Ok(vec![]), "{late:?}");
        assert_eq!(same, order, "{late:?}");
    }
}

#[test]
fn refuses_steps_out_of_turn_and_stays_as_it_was() {
    let confirmed = after(&[Input::PaymentCompleted, Input::StockReserved]).0;
    let shipped = Order {
        status: Status::Shipped,
        ..confirmed
    };
    let failed = after(&[Input::PaymentFailed]).0;
    for (mut order, input, to) in [
        (Order::PLACED, Input::Ship, Status::Shipped),
        (confirmed, Input::Deliver, Status::Delivered),
        (shipped, Input::Cancel, Status::Cancelled),
        (failed, Input::Cancel, Status::Cancelled),
        (failed, Input::Ship, Status::Shipped),
    ] {
        let before = order;
        assert_eq!(
            order.apply(input),
            Err(Refusal::Transition {
                from: before.status,
                to
            })
        );
        assert_eq!(order, before);
    }
}

#[test]
fn refuses_a_refund_that_nobody_asked_for() {
    let mut confirmed = after(&[Input::PaymentCompleted, Input::StockReserved]).0;
    for input in [Input::PaymentRefunded, Input::PaymentVoided, Input::StockReleased] {
        assert_eq!(
            confirmed.apply(input),
            Err(Refusal::Impossible {
                input,
                status: Status::Confirmed
            })
        );
    }
}

#[test]
fn asks_again_only_while_something_is_missing() {
    let mut order = after(&[Input::Cancel]).0;
    assert_eq!(
        order.apply(Input::CompensationOverdue),
        Ok(vec![Emitted::CompensationRequested])
    );
    assert_eq!(
        order.apply(Input::CompensationOverdue),
        Ok(vec![Emitted::CompensationRequested])
    );
    order.apply(Input::PaymentVoided).unwrap();
    order.apply(Input::StockReleased).unwrap();
    assert_eq!(order.apply(Input::CompensationOverdue), Ok(vec![]));
}
