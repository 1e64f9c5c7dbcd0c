//! The state of one order, and what each input makes of it.

use super::{Compensation, Emitted, Input, Payment, Reason, Status, Stock};

/// The state of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Order {
    /// How far it has come.
    pub status: Status,
    /// What is known of its payment.
    pub payment: Payment,
    /// What is known of its stock.
    pub stock: Stock,
    /// Whether everything was given back.
    pub compensation: Compensation,
    /// Why it failed or was cancelled.
    pub reason: Option<Reason>,
}

impl Order {
    /// An order at the moment of its placing.
    pub const PLACED: Self = Self {
        status: Status::Placed,
        payment: Payment::None,
        stock: Stock::None,
        compensation: Compensation::None,
        reason: None,
    };

    /// Takes one input and says which events follow, in their order. What was said before, or comes late, changes nothing.
    pub fn apply(&mut self, input: Input) -> Result<Vec<Emitted>, Refusal> {
        match input {
            Input::PaymentCompleted => self.learn_payment(Payment::Captured, input),
            Input::PaymentFailed => self.learn_payment(Payment::Declined, input),
            Input::PaymentVoided => self.learn_payment(Payment::Voided, input),
            Input::PaymentRefunded => self.learn_payment(Payment::Refunded, input),
            Input::StockReserved => self.learn_stock(Stock::Reserved, input),
            Input::StockRejected => self.learn_stock(Stock::Rejected, input),
            Input::StockReleased => self.learn_stock(Stock::Released, input),
            Input::Cancel => self.cancel(),
            Input::DeadlinePassed if self.is_open() => Ok(self.fail(Reason::Deadline)),
            Input::Ship => self.go(Status::Confirmed, Status::Shipped, Emitted::Shipped),
            Input::Deliver => self.go(Status::Shipped, Status::Delivered, Emitted::Delivered),
            Input::CompensationOverdue if self.compensation == Compensation::Pending => {
                Ok(vec![Emitted::CompensationRequested])
            }
            Input::DeadlinePassed | Input::CompensationOverdue => Ok(Vec::new()),
        }
    }

    fn learn_payment(&mut self, fact: Payment, input: Input) -> Result<Vec<Emitted>, Refusal> {
        if fact.rank() <= self.payment.rank() {
            return Ok(Vec::new());
        }
        self.refuse_unasked(fact.is_given_back(), input)?;
        self.payment = fact;
        Ok(self.draw_conclusions())
    }

    fn learn_stock(&mut self, fact: Stock, input: Input) -> Result<Vec<Emitted>, Refusal> {
        if fact.rank() <= self.stock.rank() {
            return Ok(Vec::new());
        }
        self.refuse_unasked(fact == Stock::Released, input)?;
        self.stock = fact;
        Ok(self.draw_conclusions())
    }

    /// Participants give back only after `order.failed` or `order.cancelled`, so only an order that is neither shows a bug.
    fn refuse_unasked(self, gives_back: bool, input: Input) -> Result<(), Refusal> {
        if gives_back && self.compensation == Compensation::None {
            return Err(Refusal::Impossible {
                input,
                status: self.status,
            });
        }
        Ok(())
    }

    /// What follows from the facts. After `failed` and `cancelled` nothing is told any more.
    fn draw_conclusions(&mut self) -> Vec<Emitted> {
        if self.compensation == Compensation::Pending && self.payment.is_given_back() && self.stock == Stock::Released {
            self.compensation = Compensation::Done;
        }
        if !self.is_open() {
            return Vec::new();
        }
        if self.payment == Payment::Declined {
            return self.fail(Reason::PaymentDeclined);
        }
        if self.stock == Stock::Rejected {
            return self.fail(Reason::StockRejected);
        }
        let mut emitted = Vec::new();
        if self.status == Status::Placed && self.payment == Payment::Captured {
            self.status = Status::PaymentReceived;
            emitted.push(Emitted::PaymentReceived);
        }
        if self.status == Status::PaymentReceived && self.stock == Stock::Reserved {
            self.status = Status::Confirmed;
            emitted.push(Emitted::Confirmed);
        }
        emitted
    }

    fn fail(&mut self, reason: Reason) -> Vec<Emitted> {
        self.status = Status::Failed;
        self.reason = Some(reason);
        self.compensation = Compensation::Pending;
        vec![Emitted::Failed]
    }

    fn cancel(&mut self) -> Result<Vec<Emitted>, Refusal> {
        match self.status {
            Status::Cancelled => Ok(Vec::new()),
            Status::Placed | Status::PaymentReceived | Status::Confirmed => {
                self.status = Status::Cancelled;
                self.reason = Some(Reason::CustomerRequest);
                self.compensation = Compensation::Pending;
                Ok(vec![Emitted::Cancelled])
            }
            from => Err(Refusal::Transition {
                from,
                to: Status::Cancelled,
            }),
        }
    }

    /// One step of the way to the owner. Asking twice is asking once.
    fn go(&mut self, from: Status, to: Status, emitted: Emitted) -> Result<Vec<Emitted>, Refusal> {
        if self.status == to {
            return Ok(Vec::new());
        }
        if self.status != from {
            return Err(Refusal::Transition { from: self.status, to });
        }
        self.status = to;
        Ok(vec![emitted])
    }

    /// Whether payment and stock are still being waited for.
    fn is_open(self) -> bool {
        matches!(self.status, Status::Placed | Status::PaymentReceived)
    }
}

/// Why an input was not accepted. The order is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The status does not allow what was asked.
    #[error("an order that is {from:?} cannot become {to:?}")]
    Transition {
        /// What the order is.
        from: Status,
        /// What it was asked to become.
        to: Status,
    },
    /// A participant gave back what nobody asked it to give back. Nothing in the protocol leads here.
    #[error("{input:?} cannot come to an order that is {status:?}")]
    Impossible {
        /// What came.
        input: Input,
        /// What the order is.
        status: Status,
    },
}

#[cfg(test)]
mod tests;
