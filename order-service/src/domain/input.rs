//! The inputs of an order, and the effects that follow.

/// An input of a placed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Input {
    PaymentCompleted,
    PaymentFailed,
    /// The payment was closed without a capture.
    PaymentVoided,
    PaymentRefunded,
    StockReserved,
    StockRejected,
    StockReleased,
    /// The owner cancels.
    Cancel,
    /// Payment and stock have not both answered in time.
    DeadlinePassed,
    Ship,
    Deliver,
    /// The answers to `order.failed` or `order.cancelled` are overdue.
    CompensationOverdue,
}

/// An effect of an input: an event that is published; `published` gives it a name and a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    PaymentReceived,
    Confirmed,
    Shipped,
    Delivered,
    Failed,
    Cancelled,
    CompensationRequested,
}
