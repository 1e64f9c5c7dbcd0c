//! What becomes of an order's payment, without any database, broker or provider: the table of the saga's payment side.

/// Where the payment of an order stands. Each order has one row, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, serde::Serialize)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing yet.
    None,
    /// A charge is due, or may be under way.
    Charging,
    /// The order has ended while a charge may be under way: what it captures must go back.
    ToClose,
    /// The money is here.
    Captured,
    /// The provider said no.
    Declined,
    /// The money is on its way back.
    Refunding,
    /// The order has ended and no money was kept: none was ever taken.
    Closed,
    /// The order has ended and no money was kept: it went back.
    Refunded,
}

/// What can be learned about a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// `order.placed`.
    Placed,
    /// `order.failed` or `order.cancelled`.
    Ended {
        /// The charge was due, was never sent, and has been taken back, so that it never will be.
        charge_withdrawn: bool,
    },
    /// `order.compensation_requested`: the order has ended, and order-service still waits for our answer.
    CompensationRequested,
    /// The provider has the money.
    ProviderCaptured,
    /// The provider refuses, for good.
    ProviderDeclined,
    /// Nobody knows: a timeout, a connection that broke, an answer that makes no sense.
    ProviderUnknown,
    /// The provider gave the money back.
    ProviderRefunded,
}

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: it is known already, or came too late.
    Nothing,
    /// Intend a charge: charging.
    Charge,
    /// Wait for the outcome of the charge, then undo it: to close.
    CloseLater,
    /// Nothing was taken: closed, `payment.voided`.
    Close,
    /// The charge succeeded: captured, `payment.completed`.
    Complete,
    /// The charge was refused: declined, `payment.failed`.
    Decline,
    /// Intend a refund: refunding.
    Refund,
    /// The refund succeeded: refunded, `payment.refunded`.
    FinishRefund,
    /// Answer `payment.voided` again.
    RepeatVoided,
    /// Answer `payment.refunded` again.
    RepeatRefunded,
    /// Ask the provider again by key, until the outcome is definite.
    AskAgain,
    /// Cannot happen while everyone keeps the rules: a person must look.
    Impossible,
}

/// The table: what a fact means in a state.
#[expect(clippy::match_same_arms, reason = "the arms are the cells of the table, row by row")]
pub fn on(state: State, fact: Fact) -> Decision {
    use State::{Captured, Charging, Closed, Declined, None, Refunded, Refunding, ToClose};
    match (fact, state) {
        (Fact::Placed, None) => Decision::Charge,
        (Fact::Placed, Charging | ToClose | Captured | Declined | Refunding | Closed | Refunded) => Decision::Nothing,

        (Fact::Ended { .. }, None | Declined) => Decision::Close,
        (Fact::Ended { charge_withdrawn: true }, Charging) => Decision::Close,
        (
            Fact::Ended {
                charge_withdrawn: false,
            },
            Charging,
        ) => Decision::CloseLater,
        (Fact::Ended { .. }, Captured) => Decision::Refund,
        (Fact::Ended { .. }, ToClose | Refunding | Closed | Refunded) => Decision::Nothing,

        (Fact::CompensationRequested, None | Declined) => Decision::Close,
        (Fact::CompensationRequested, Charging | ToClose) => Decision::CloseLater,
        (Fact::CompensationRequested, Captured) => Decision::Refund,
        (Fact::CompensationRequested, Refunding) => Decision::Nothing,
        (Fact::CompensationRequested, Closed) => Decision::RepeatVoided,
        (Fact::CompensationRequested, Refunded) => Decision::RepeatRefunded,

        (Fact::ProviderCaptured, Charging) => Decision::Complete,
        (Fact::ProviderCaptured, ToClose) => Decision::Refund,
        (Fact::ProviderDeclined, Charging) => Decision::Decline,
        (Fact::ProviderDeclined, ToClose) => Decision::Close,
        (Fact::ProviderUnknown, Charging | ToClose | Refunding) => Decision::AskAgain,
        (Fact::ProviderRefunded, Refunding) => Decision::FinishRefund,
        // The provider answers for charges and refunds that are due, and for nothing else.
        (
            Fact::ProviderCaptured | Fact::ProviderDeclined,
            None | Captured | Declined | Refunding | Closed | Refunded,
        )
        | (Fact::ProviderUnknown, None | Captured | Declined | Closed | Refunded)
        | (Fact::ProviderRefunded, None | Charging | ToClose | Captured | Declined | Closed | Refunded) => {
            Decision::Impossible
        }
    }
}

#[cfg(test)]
mod tests;
