//! The state of one order, and the decision on each input.

use super::{
    input::{Effect, Input},
    status::{Compensation, Payment, Reason, Status, Stock},
};

/// The state of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    pub status: Status,
    pub payment: Payment,
    pub stock: Stock,
    pub compensation: Compensation,
    /// Set once the order has failed or was cancelled.
    pub reason: Option<Reason>,
}

impl State {
    /// The state of an order that was just placed.
    pub const PLACED: Self = Self {
        status: Status::Placed,
        payment: Payment::None,
        stock: Stock::None,
        compensation: Compensation::None,
        reason: None,
    };

    /// Applies one input and returns its effects, in their order. A repeated or late input changes nothing.
    pub fn decide(&mut self, input: Input) -> Result<Vec<Effect>, Refusal> {
        match input {
            Input::PaymentCompleted => self.record_payment(Payment::Captured, input),
            Input::PaymentFailed => self.record_payment(Payment::Declined, input),
            Input::PaymentVoided => self.record_payment(Payment::Voided, input),
            Input::PaymentRefunded => self.record_payment(Payment::Refunded, input),
            Input::StockReserved => self.record_stock(Stock::Reserved, input),
            Input::StockRejected => self.record_stock(Stock::Rejected, input),
            Input::StockReleased => self.record_stock(Stock::Released, input),
            Input::Cancel => self.cancel(),
            Input::DeadlinePassed if self.is_open() => Ok(self.fail(Reason::Deadline)),
            Input::Ship => self.advance(Status::Confirmed, Status::Shipped, Effect::Shipped),
            Input::Deliver => self.advance(Status::Shipped, Status::Delivered, Effect::Delivered),
            Input::CompensationOverdue if self.compensation == Compensation::Pending => {
                Ok(vec![Effect::CompensationRequested])
            }
            Input::DeadlinePassed | Input::CompensationOverdue => Ok(Vec::new()),
        }
    }

    fn record_payment(&mut self, fact: Payment, input: Input) -> Result<Vec<Effect>, Refusal> {
        if fact.rank() <= self.payment.rank() {
            return Ok(Vec::new());
        }
        self.refuse_unrequested(fact.is_given_back(), input)?;
        self.payment = fact;
        Ok(self.conclude())
    }

    fn record_stock(&mut self, fact: Stock, input: Input) -> Result<Vec<Effect>, Refusal> {
        if fact.rank() <= self.stock.rank() {
            return Ok(Vec::new());
        }
        self.refuse_unrequested(fact == Stock::Released, input)?;
        self.stock = fact;
        Ok(self.conclude())
    }

    /// Refuses a participant that gives back before `order.failed` or `order.cancelled`: only a bug leads there.
    fn refuse_unrequested(self, gives_back: bool, input: Input) -> Result<(), Refusal> {
        if gives_back && self.compensation == Compensation::None {
            return Err(Refusal::Impossible {
                input,
                status: self.status,
            });
        }
        Ok(())
    }

    /// Concludes from the facts. After `failed` and `cancelled` no effect follows.
    fn conclude(&mut self) -> Vec<Effect> {
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
        let mut effects = Vec::new();
        if self.status == Status::Placed && self.payment == Payment::Captured {
            self.status = Status::PaymentReceived;
            effects.push(Effect::PaymentReceived);
        }
        if self.status == Status::PaymentReceived && self.stock == Stock::Reserved {
            self.status = Status::Confirmed;
            effects.push(Effect::Confirmed);
        }
        effects
    }

    fn fail(&mut self, reason: Reason) -> Vec<Effect> {
        self.status = Status::Failed;
        self.reason = Some(reason);
        self.compensation = Compensation::Pending;
        vec![Effect::Failed]
    }

    fn cancel(&mut self) -> Result<Vec<Effect>, Refusal> {
        match self.status {
            Status::Cancelled => Ok(Vec::new()),
            Status::Placed | Status::PaymentReceived | Status::Confirmed => {
                self.status = Status::Cancelled;
                self.reason = Some(Reason::CustomerRequest);
                self.compensation = Compensation::Pending;
                Ok(vec![Effect::Cancelled])
            }
            from => Err(Refusal::Transition {
                from,
                to: Status::Cancelled,
            }),
        }
    }

    /// Takes one step on the way to the owner. Repeating it has no effect.
    fn advance(&mut self, from: Status, to: Status, effects: Effect) -> Result<Vec<Effect>, Refusal> {
        if self.status == to {
            return Ok(Vec::new());
        }
        if self.status != from {
            return Err(Refusal::Transition { from: self.status, to });
        }
        self.status = to;
        Ok(vec![effects])
    }

    /// Returns true while the order waits for payment or stock.
    fn is_open(self) -> bool {
        matches!(self.status, Status::Placed | Status::PaymentReceived)
    }
}

/// The refusal of an input. The order is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The status does not allow the transition.
    #[error("an order that is {from:?} cannot become {to:?}")]
    Transition { from: Status, to: Status },
    /// A participant gave back without a request. Nothing in the protocol leads here.
    #[error("{input:?} cannot come to an order that is {status:?}")]
    Impossible { input: Input, status: Status },
}

#[cfg(test)]
mod tests;
