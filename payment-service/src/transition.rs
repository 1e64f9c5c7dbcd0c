//! Applies what [`domain::decide`] decides: rows, jobs and events, all in one transaction.

use crate::{
    domain::{self, Effect, Input, Order, OrderId, PaymentId, RefundId, State, UserId},
    provider::{Charge, Refund},
    published::{PaymentCompleted, PaymentData, PaymentFailed, PaymentRefunded, PaymentVoided},
    store::{self, Payment},
};
use database::Database;
use messaging::{Event, Failure, JobClaim, Tx};

/// The reason of `payment.failed` for a charge that an operator has discarded.
const CHARGE_DISCARDED: &str = "charge_discarded";

/// Applies that an order was placed.
pub async fn order_placed(tx: &mut Tx, order: &Order) -> Result<(), Failure> {
    let mut payment = store::lock(tx, order.id, order.user_id, PaymentId::new()).await?;
    if payment.state == State::None {
        store::set_charge(tx, payment.id, order).await?;
        payment.amount_minor = order.total_minor;
        payment.currency.clone_from(&order.currency);
        payment.payment_method.clone_from(&order.payment_method);
    }
    apply(tx, &payment, Input::OrderPlaced).await
}

/// Applies that an order failed or was cancelled.
pub async fn order_ended(tx: &mut Tx, order_id: OrderId, user_id: UserId) -> Result<(), Failure> {
    let payment = store::lock(tx, order_id, user_id, PaymentId::new()).await?;
    let charge_cancelled = payment.state == State::Charging && tx.cancel_job(payment.id.uuid()).await?;
    apply(tx, &payment, Input::OrderEnded { charge_cancelled }).await
}

/// Applies that order-service still waits for the answer about an order that has ended.
pub async fn compensation_requested(tx: &mut Tx, order_id: OrderId, user_id: UserId) -> Result<(), Failure> {
    let payment = store::lock(tx, order_id, user_id, PaymentId::new()).await?;
    apply(tx, &payment, Input::CompensationRequested).await
}

/// Applies the outcome of a job, and commits that together with the job's completion.
pub async fn settle(database: &Database, claim: &JobClaim, outcome: Input) -> Result<(), Failure> {
    let mut tx = Tx::begin(database, &claim.context()).await?;
    // Locks the payment before the job, as every transaction does, so that two of them cannot deadlock.
    let payment = store::lock_known(&mut tx, OrderId::from(claim.subject)).await?;
    let payment = payment.ok_or_else(|| Failure::permanent("the job's payment does not exist"))?;
    if !tx.complete(claim).await? {
        // The lease has passed to another worker, which gets the same outcome.
        return Ok(());
    }
    apply(&mut tx, &payment, outcome).await?;
    tx.commit().await?;
    Ok(())
}

/// Applies that an operator discards an order's charge. What was never sent counts as declined, so that the order ends; what may
/// have been sent must have an outcome first.
pub async fn charge_discarded(tx: &mut Tx, order_id: OrderId, may_have_been_sent: bool) -> Result<(), Failure> {
    let Some(payment) = store::lock_known(tx, order_id).await? else {
        return Ok(());
    };
    let outcome = match payment.state {
        State::Charging | State::ToClose if may_have_been_sent => {
            return Err(Failure::permanent(
                "the charge may have been made, and the order waits for its outcome: remove the cause (lastError), then retry it, \
                 which asks the provider first",
            ));
        }
        State::Charging => Input::ChargeDeclined {
            reason: CHARGE_DISCARDED.to_owned(),
        },
        State::ToClose => Input::ChargeVoided,
        // Its outcome is known, and nothing waits for it.
        _ => return Ok(()),
    };
    apply(tx, &payment, outcome).await
}

/// Applies that an operator discards an order's refund, which is possible only where none is owed.
pub async fn refund_discarded(tx: &mut Tx, order_id: OrderId) -> Result<(), Failure> {
    let payment = store::lock_known(tx, order_id).await?;
    if payment.is_some_and(|payment| payment.state == State::Refunding) {
        return Err(Failure::permanent(
            "the refund is owed, and the order waits for it: remove the cause (lastError), then retry it, which asks the provider first",
        ));
    }
    Ok(())
}

async fn apply(tx: &mut Tx, payment: &Payment, input: Input) -> Result<(), Failure> {
    let effect = domain::decide(payment.state, input).map_err(|refusal| {
        Failure::permanent(format!(
            "payment {} of order {}: {refusal}",
            payment.id, payment.order_id
        ))
    })?;
    let data = PaymentData::from(payment);
    match effect {
        Effect::Ignore => Ok(()),
        Effect::EnqueueCharge => enqueue_charge(tx, payment).await,
        Effect::AwaitCharge => Ok(store::set_state(tx, payment.id, State::ToClose).await?),
        Effect::Void => move_on(tx, payment.id, State::Closed, &PaymentVoided(data)).await,
        Effect::Complete => move_on(tx, payment.id, State::Captured, &PaymentCompleted(data)).await,
        Effect::Decline { reason } => decline(tx, data, &reason).await,
        Effect::EnqueueRefund => enqueue_refund(tx, payment).await,
        Effect::CompleteRefund => move_on(tx, payment.id, State::Refunded, &PaymentRefunded(data)).await,
        Effect::RepeatVoided => publish(tx, &PaymentVoided(data)).await,
        Effect::RepeatRefunded => publish(tx, &PaymentRefunded(data)).await,
        Effect::QueryAgain => Err(Failure::transient("the provider's answer is not definite")),
    }
}

async fn move_on(tx: &mut Tx, id: PaymentId, state: State, event: &impl Event) -> Result<(), Failure> {
    store::set_state(tx, id, state).await?;
    publish(tx, event).await
}

async fn decline(tx: &mut Tx, payment: PaymentData<'_>, reason: &str) -> Result<(), Failure> {
    store::set_declined(tx, payment.payment_id, reason).await?;
    publish(tx, &PaymentFailed { payment, reason }).await
}

async fn publish(tx: &mut Tx, event: &impl Event) -> Result<(), Failure> {
    tx.emit(event).await?;
    Ok(())
}

async fn enqueue_charge(tx: &mut Tx, payment: &Payment) -> Result<(), Failure> {
    store::set_state(tx, payment.id, State::Charging).await?;
    let charge = Charge {
        amount_minor: payment.amount_minor,
        currency: payment.currency.clone(),
        payment_method: payment.payment_method.clone(),
        reference: payment.order_id,
    };
    let (job_id, subject) = (payment.id.uuid(), payment.order_id.uuid());
    Ok(tx.enqueue(job_id, subject, &charge).await?)
}

async fn enqueue_refund(tx: &mut Tx, payment: &Payment) -> Result<(), Failure> {
    let refund_id = RefundId::new();
    store::set_refunding(tx, payment.id, refund_id).await?;
    let refund = Refund {
        charge_key: payment.id,
        amount_minor: payment.amount_minor,
    };
    let (job_id, subject) = (refund_id.uuid(), payment.order_id.uuid());
    Ok(tx.enqueue(job_id, subject, &refund).await?)
}
