//! The status of an order, and the facts that it keeps.

kernel::text_enum! {
    /// The status of an order.
    pub enum Status {
        /// Accepted; payment and stock have not both answered.
        Placed = "placed",
        /// The payment is captured, and the stock has not answered yet.
        PaymentReceived = "payment_received",
        /// Paid and sold.
        Confirmed = "confirmed",
        /// On its way; it can no longer be cancelled.
        Shipped = "shipped",
        Delivered = "delivered",
        /// Will not be fulfilled, because of payment, stock or the deadline.
        Failed = "failed",
        /// Cancelled by its owner.
        Cancelled = "cancelled",
    }
}

kernel::text_enum! {
    /// The fact about the payment. It moves only from a lower to a higher rank.
    pub enum Payment {
        None = "none",
        Captured = "captured",
        Declined = "declined",
        /// Closed without a capture.
        Voided = "voided",
        Refunded = "refunded",
    }
}

kernel::text_enum! {
    /// The fact about the stock. It moves only from a lower to a higher rank.
    pub enum Stock {
        None = "none",
        /// All lines are held for this order.
        Reserved = "reserved",
        /// Something was missing, and nothing is held.
        Rejected = "rejected",
        /// Closed with nothing held.
        Released = "released",
    }
}

kernel::text_enum! {
    /// The compensation of a failed or cancelled order.
    pub enum Compensation {
        /// There is nothing to give back.
        None = "none",
        /// Payment or stock has not yet reported that it gave back.
        Pending = "pending",
        /// Payment and stock have both given back.
        Done = "done",
    }
}

kernel::text_enum! {
    /// The reason for which an order failed or was cancelled.
    pub enum Reason {
        /// The provider declined the payment.
        PaymentDeclined = "payment_declined",
        /// Not everything was in stock.
        StockRejected = "stock_rejected",
        /// Payment or stock did not answer in time.
        Deadline = "deadline",
        /// The owner cancelled.
        CustomerRequest = "customer_request",
    }
}

impl Payment {
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Captured | Self::Declined => 1,
            Self::Voided | Self::Refunded => 2,
        }
    }

    pub(super) fn is_given_back(self) -> bool {
        matches!(self, Self::Voided | Self::Refunded)
    }
}

impl Stock {
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Reserved | Self::Rejected => 1,
            Self::Released => 2,
        }
    }
}
