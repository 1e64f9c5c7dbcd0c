//! The payment side of the saga as a table of states and inputs, without a database, a broker or a provider.

kernel::id! {
    OrderId,
    UserId,
    /// A payment, and the idempotency key of its charge at the provider.
    PaymentId,
    /// A refund, and its idempotency key at the provider.
    RefundId,
}

kernel::text_enum! {
    /// The state of an order's payment. Each order has one row, which is kept without limit.
    pub enum State {
        /// No event has arrived yet.
        None = "none",
        /// A charge is due, or may be under way.
        Charging = "charging",
        /// The order has ended while a charge may be under way: no other is sent, and a capture must be refunded.
        ToClose = "to_close",
        /// The provider has the money.
        Captured = "captured",
        Declined = "declined",
        /// A refund is due, or may be under way.
        Refunding = "refunding",
        /// The order has ended, and nothing was captured.
        Closed = "closed",
        /// The order has ended, and the captured amount is refunded.
        Refunded = "refunded",
    }
}

/// An order as far as its payment goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub user_id: UserId,
    pub total_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    pub payment_method: String,
}

impl Order {
    /// Returns true if there is a positive amount to charge, in something that looks like a currency.
    pub fn is_payable(&self) -> bool {
        let is_code = self.currency.len() == 3 && self.currency.bytes().all(|letter| letter.is_ascii_uppercase());
        self.total_minor > 0 && is_code
    }
}

/// Something that happened to an order or its payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    OrderPlaced,
    /// The order failed or was cancelled.
    OrderEnded {
        /// The charge was due, had never been attempted, and its job is cancelled: it never will be.
        charge_cancelled: bool,
    },
    /// The order has ended, and order-service still waits for the answer.
    CompensationRequested,
    ChargeCaptured,
    ChargeDeclined {
        /// The provider's reason.
        reason: String,
    },
    /// The order has ended, and its charge was never sent, or can never be captured any more.
    ChargeVoided,
    /// The outcome of a charge or refund is unknown: a timeout, a broken connection, an answer that makes no sense.
    OutcomeUnknown,
    RefundSucceeded,
}

/// The consequence of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the input repeats what is known, or comes too late.
    Ignore,
    /// Moves to charging and enqueues the charge.
    EnqueueCharge,
    /// Moves to to-close: the outcome of the charge decides.
    AwaitCharge,
    /// Moves to closed and publishes `payment.voided`.
    Void,
    /// Moves to captured and publishes `payment.completed`.
    Complete,
    /// Moves to declined and publishes `payment.failed`.
    Decline {
        /// The provider's reason.
        reason: String,
    },
    /// Moves to refunding and enqueues the refund.
    EnqueueRefund,
    /// Moves to refunded and publishes `payment.refunded`.
    CompleteRefund,
    /// Publishes `payment.voided` again.
    RepeatVoided,
    /// Publishes `payment.refunded` again.
    RepeatRefunded,
    /// Queries the provider again by key, until the outcome is definite.
    QueryAgain,
}

/// An input that cannot occur in a state while all services keep the protocol. It needs an operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{input:?} cannot occur in state {state}")]
pub struct Refusal {
    pub state: State,
    pub input: Input,
}

/// Decides the effect of an input in a state.
#[expect(clippy::match_same_arms, reason = "the arms are the cells of the table, row by row")]
pub fn decide(state: State, input: Input) -> Result<Effect, Refusal> {
    use State::{Captured, Charging, Closed, Declined, None, Refunded, Refunding, ToClose};
    let effect = match (input, state) {
        (Input::OrderPlaced, None) => Effect::EnqueueCharge,
        (Input::OrderPlaced, Charging | ToClose | Captured | Declined | Refunding | Closed | Refunded) => {
            Effect::Ignore
        }

        (Input::OrderEnded { .. }, None | Declined) => Effect::Void,
        (Input::OrderEnded { charge_cancelled: true }, Charging) => Effect::Void,
        (Input::OrderEnded { .. }, Charging) => Effect::AwaitCharge,
        (Input::OrderEnded { .. }, Captured) => Effect::EnqueueRefund,
        (Input::OrderEnded { .. }, ToClose | Refunding | Closed | Refunded) => Effect::Ignore,

        (Input::CompensationRequested, None | Declined) => Effect::Void,
        (Input::CompensationRequested, Charging | ToClose) => Effect::AwaitCharge,
        (Input::CompensationRequested, Captured) => Effect::EnqueueRefund,
        (Input::CompensationRequested, Refunding) => Effect::Ignore,
        (Input::CompensationRequested, Closed) => Effect::RepeatVoided,
        (Input::CompensationRequested, Refunded) => Effect::RepeatRefunded,

        (Input::ChargeCaptured, Charging) => Effect::Complete,
        (Input::ChargeCaptured, ToClose) => Effect::EnqueueRefund,
        (Input::ChargeDeclined { reason }, Charging) => Effect::Decline { reason },
        (Input::ChargeDeclined { .. } | Input::ChargeVoided, ToClose) => Effect::Void,
        (Input::OutcomeUnknown, Charging | ToClose | Refunding) => Effect::QueryAgain,
        (Input::RefundSucceeded, Refunding) => Effect::CompleteRefund,

        // The provider answers for charges and refunds that are due, and for nothing else.
        (
            input @ (Input::ChargeCaptured | Input::ChargeDeclined { .. }),
            None | Captured | Declined | Refunding | Closed | Refunded,
        )
        // Only the charge of an order that has ended is voided.
        | (input @ Input::ChargeVoided, None | Charging | Captured | Declined | Refunding | Closed | Refunded)
        | (input @ Input::OutcomeUnknown, None | Captured | Declined | Closed | Refunded)
        | (input @ Input::RefundSucceeded, None | Charging | ToClose | Captured | Declined | Closed | Refunded) => {
            return Err(Refusal { state, input });
        }
    };
    Ok(effect)
}

#[cfg(test)]
mod tests;
