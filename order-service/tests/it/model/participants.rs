//! The two participants, each as the table that its service is built from.

use super::system::Message;

/// The state of payment-service for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PaymentState {
    None,
    /// The job is enqueued, the call was never attempted.
    ChargeDue,
    /// The call was made, and its outcome is unknown to payment-service.
    ChargeSent,
    ToClose,
    Captured,
    Declined,
    Refunding,
    ClosedVoided,
    ClosedRefunded,
}

/// The state of product-service for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StockState {
    None,
    Reserved,
    Rejected,
    Sold,
    Closed,
}

/// The new state and the answer, or `Err` where the table refuses the message.
pub(crate) type StockTransition = Result<(StockState, Option<Message>), ()>;

/// The payment provider's own state, known to payment-service or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Provider {
    Untouched,
    Captured,
    Declined,
    Refunded,
}

/// Applies a message to payment-service: its new state and its answer.
pub(crate) fn payment(state: PaymentState, message: Message) -> (PaymentState, Option<Message>) {
    use PaymentState as S;
    match (message, state) {
        (Message::Placed, S::None) => (S::ChargeDue, None),
        (Message::Failed | Message::Cancelled | Message::CompensationRequested, open) => match open {
            S::None | S::ChargeDue | S::Declined => (S::ClosedVoided, Some(Message::PaymentVoided)),
            S::ChargeSent => (S::ToClose, None),
            S::Captured => (S::Refunding, None),
            S::ClosedVoided if message == Message::CompensationRequested => (open, Some(Message::PaymentVoided)),
            S::ClosedRefunded if message == Message::CompensationRequested => (open, Some(Message::PaymentRefunded)),
            S::ToClose | S::Refunding | S::ClosedVoided | S::ClosedRefunded => (open, None),
        },
        _ => (state, None),
    }
}

/// Applies the provider's definite answer to payment-service.
pub(crate) fn payment_answered(state: PaymentState, provider: Provider) -> (PaymentState, Option<Message>) {
    use PaymentState as S;
    match (state, provider) {
        (S::ChargeSent, Provider::Captured) => (S::Captured, Some(Message::PaymentCompleted)),
        (S::ChargeSent, Provider::Declined) => (S::Declined, Some(Message::PaymentFailed)),
        (S::ToClose, Provider::Captured) => (S::Refunding, None),
        (S::ToClose, Provider::Declined) => (S::ClosedVoided, Some(Message::PaymentVoided)),
        (S::Refunding, Provider::Refunded) => (S::ClosedRefunded, Some(Message::PaymentRefunded)),
        _ => (state, None),
    }
}

/// Applies a message to product-service: its new state and its answer, or `Err` where the table refuses the message.
/// `enough` is true if the stock suffices for a reservation.
pub(crate) fn stock(state: StockState, message: Message, enough: bool) -> StockTransition {
    use StockState as S;
    Ok(match (message, state) {
        (Message::Placed, S::None) if enough => (S::Reserved, Some(Message::StockReserved)),
        (Message::Placed, S::None) => (S::Rejected, Some(Message::StockRejected)),
        (Message::Confirmed, S::None | S::Rejected) => return Err(()),
        (Message::Confirmed, S::Reserved) => (S::Sold, None),
        (Message::CompensationRequested, S::Closed) => (S::Closed, Some(Message::StockReleased)),
        (Message::Failed | Message::Cancelled | Message::CompensationRequested, open) if open != S::Closed => {
            (S::Closed, Some(Message::StockReleased))
        }
        _ => (state, None),
    })
}
