//! Carries out what [`domain::on`] decides: rows, intents and answers, all in one transaction.

use crate::{
    App,
    domain::{self, Decision, Fact, State},
    events::published::{Failed, Settled},
    provider::{Charge, Refund},
    store::{self, Payment},
};
use shared::{
    database::Tx,
    messaging::{failure::Failure, intents::Intent},
};
use uuid::Uuid;

/// An order whose payment is to be made.
#[derive(Debug)]
pub struct Order {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// How much is to be paid.
    pub total_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// What the provider is to charge.
    pub payment_method: String,
}

/// The order was placed.
pub async fn placed(tx: &mut Tx, order: &Order) -> Result<(), Failure> {
    let mut payment = store::lock(tx, order.id, order.user_id, shared::id::new()).await?;
    if payment.state == State::None {
        store::set_charge(
            tx,
            payment.id,
            order.total_minor,
            &order.currency,
            &order.payment_method,
        )
        .await?;
        payment.amount_minor = order.total_minor;
        payment.currency.clone_from(&order.currency);
        payment.payment_method.clone_from(&order.payment_method);
    }
    carry_out(tx, &payment, Fact::Placed, None).await
}

/// The order failed or was cancelled.
pub async fn ended(tx: &mut Tx, order_id: Uuid, user_id: Uuid) -> Result<(), Failure> {
    let payment = store::lock(tx, order_id, user_id, shared::id::new()).await?;
    let charge_withdrawn = payment.state == State::Charging && tx.withdraw(payment.id).await?;
    carry_out(tx, &payment, Fact::Ended { charge_withdrawn }, None).await
}

/// order-service still waits for our answer about an order that has ended.
pub async fn compensation_requested(tx: &mut Tx, order_id: Uuid, user_id: Uuid) -> Result<(), Failure> {
    let payment = store::lock(tx, order_id, user_id, shared::id::new()).await?;
    carry_out(tx, &payment, Fact::CompensationRequested, None).await
}

/// The provider has answered for an intent: commits what follows together with the intent's end.
pub async fn settle(app: &App, intent: &Intent, fact: Fact, reason: Option<&str>) -> Result<(), Failure> {
    let mut tx = app.database.begin(&intent.context()).await?;
    // The payment before the intent, as everywhere: two transactions then never wait for each other in a circle.
    let payment = store::lock_known(&mut tx, intent.subject).await?;
    let payment = payment.ok_or_else(|| Failure::permanent("the intent's payment does not exist"))?;
    if !tx.finish(intent).await? {
        // Another worker has taken the intent over; it will hear the same answer.
        return Ok(());
    }
    carry_out(&mut tx, &payment, fact, reason).await?;
    tx.commit().await?;
    Ok(())
}

async fn carry_out(tx: &mut Tx, payment: &Payment, fact: Fact, reason: Option<&str>) -> Result<(), Failure> {
    match domain::on(payment.state, fact) {
        Decision::Nothing => Ok(()),
        Decision::Charge => intend_charge(tx, payment).await,
        Decision::CloseLater => Ok(store::set_state(tx, payment.id, State::ToClose).await?),
        Decision::Close => {
            store::set_state(tx, payment.id, State::Closed).await?;
            answer(tx, "payment.voided", payment).await
        }
        Decision::Complete => {
            store::set_state(tx, payment.id, State::Captured).await?;
            answer(tx, "payment.completed", payment).await
        }
        Decision::Decline => decline(tx, payment, reason.unwrap_or("declined")).await,
        Decision::Refund => intend_refund(tx, payment).await,
        Decision::FinishRefund => {
            store::set_state(tx, payment.id, State::Refunded).await?;
            answer(tx, "payment.refunded", payment).await
        }
        Decision::RepeatVoided => answer(tx, "payment.voided", payment).await,
        Decision::RepeatRefunded => answer(tx, "payment.refunded", payment).await,
        Decision::AskAgain => Err(Failure::transient("the provider's answer is not definite")),
        Decision::Impossible => Err(Failure::permanent(format!(
            "{fact:?} about payment {} of order {} in state {:?}",
            payment.id, payment.order_id, payment.state
        ))),
    }
}

async fn intend_charge(tx: &mut Tx, payment: &Payment) -> Result<(), Failure> {
    store::set_state(tx, payment.id, State::Charging).await?;
    let charge = Charge {
        amount_minor: payment.amount_minor,
        currency: payment.currency.clone(),
        payment_method: payment.payment_method.clone(),
        reference: payment.order_id,
    };
    Ok(tx.intend("charge", payment.id, payment.order_id, &charge).await?)
}

async fn intend_refund(tx: &mut Tx, payment: &Payment) -> Result<(), Failure> {
    let refund_id = shared::id::new();
    store::set_refunding(tx, payment.id, refund_id).await?;
    let refund = Refund {
        charge_key: payment.id,
        amount_minor: payment.amount_minor,
    };
    Ok(tx.intend("refund", refund_id, payment.order_id, &refund).await?)
}

async fn decline(tx: &mut Tx, payment: &Payment, reason: &str) -> Result<(), Failure> {
    store::set_declined(tx, payment.id, reason).await?;
    let failed = Failed {
        payment: Settled::from(payment),
        reason,
    };
    tx.emit("payment.failed", payment.order_id, &failed).await?;
    Ok(())
}

async fn answer(tx: &mut Tx, event_type: &str, payment: &Payment) -> Result<(), Failure> {
    tx.emit(event_type, payment.order_id, &Settled::from(payment)).await?;
    Ok(())
}
