//! Everything at one moment: the order, the participants, the provider and what is on its way between them.

use super::participants::{self, PaymentState, Provider, StockState, StockStep};
use order_service::domain::{Compensation, Effect, Input, Payment, Refusal, State, Status, Stock};

/// The messages that matter between the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Message {
    Placed,
    Confirmed,
    Failed,
    Cancelled,
    CompensationRequested,
    PaymentCompleted,
    PaymentFailed,
    PaymentVoided,
    PaymentRefunded,
    StockReserved,
    StockRejected,
    StockReleased,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Order(Input),
    Payment,
    Stock,
}

/// Which message goes to whom: the bindings of the queues. The index is the bit in [`World::in_flight`].
pub(crate) const ROUTES: [(Message, To); 16] = [
    (Message::Placed, To::Payment),
    (Message::Failed, To::Payment),
    (Message::Cancelled, To::Payment),
    (Message::CompensationRequested, To::Payment),
    (Message::Placed, To::Stock),
    (Message::Confirmed, To::Stock),
    (Message::Failed, To::Stock),
    (Message::Cancelled, To::Stock),
    (Message::CompensationRequested, To::Stock),
    (Message::PaymentCompleted, To::Order(Input::PaymentCompleted)),
    (Message::PaymentFailed, To::Order(Input::PaymentFailed)),
    (Message::PaymentVoided, To::Order(Input::PaymentVoided)),
    (Message::PaymentRefunded, To::Order(Input::PaymentRefunded)),
    (Message::StockReserved, To::Order(Input::StockReserved)),
    (Message::StockRejected, To::Order(Input::StockRejected)),
    (Message::StockReleased, To::Order(Input::StockReleased)),
];

/// The rules under test, each replaceable by a broken one.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) order: fn(&mut State, Input) -> Result<Vec<Effect>, Refusal>,
    pub(crate) payment: fn(PaymentState, Message) -> (PaymentState, Option<Message>),
    pub(crate) stock: fn(StockState, Message, bool) -> StockStep,
}

impl Rules {
    pub(crate) const AS_DESIGNED: Self = Self {
        order: State::decide,
        payment: participants::payment,
        stock: participants::stock,
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) order: State,
    pub(crate) payment: PaymentState,
    pub(crate) stock: StockState,
    pub(crate) provider: Provider,
    /// Sent and not yet delivered, one bit for each of [`ROUTES`]; there is no order among them.
    pub(crate) in_flight: u16,
    /// Delivered before: may come again at any time.
    pub(crate) delivered: u16,
    /// Number of messages that may still be lost.
    pub(crate) losses: u8,
}

impl World {
    pub(crate) fn at_placing(losses: u8) -> Self {
        let mut world = Self {
            order: State::PLACED,
            payment: PaymentState::None,
            stock: StockState::None,
            provider: Provider::Untouched,
            in_flight: 0,
            delivered: 0,
            losses,
        };
        world.send(Message::Placed);
        world
    }

    fn send_all(&mut self, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            self.send(message);
        }
    }

    fn send(&mut self, message: Message) {
        for (bit, (routed, _)) in ROUTES.iter().enumerate() {
            if *routed == message {
                self.in_flight |= 1 << bit;
            }
        }
    }

    /// One delivery, of a message in flight or of one that came before.
    pub(crate) fn deliver(mut self, rules: Rules, bit: usize, enough: bool) -> Result<Self, String> {
        let (message, to) = ROUTES[bit];
        self.in_flight &= !(1 << bit);
        self.delivered |= 1 << bit;
        match to {
            To::Order(input) => return self.input(rules, input),
            To::Payment => {
                let (state, answer) = (rules.payment)(self.payment, message);
                self.payment = state;
                self.send_all(answer);
            }
            To::Stock => {
                let (state, answer) = (rules.stock)(self.stock, message, enough)
                    .map_err(|()| format!("product-service got the impossible {message:?} while {:?}", self.stock))?;
                self.stock = state;
                self.send_all(answer);
            }
        }
        Ok(self)
    }

    /// One input to the order, checked against what may never happen in a single step.
    pub(crate) fn input(mut self, rules: Rules, input: Input) -> Result<Self, String> {
        let before = self.order;
        let effects = match (rules.order)(&mut self.order, input) {
            Ok(effects) => effects,
            Err(Refusal::Transition { .. }) if self.order == before => Vec::new(),
            Err(refusal) => return Err(refusal.to_string()),
        };
        check_step(before, self.order, input, &effects)?;
        for event in effects {
            match event {
                Effect::Confirmed => self.send(Message::Confirmed),
                Effect::Failed => self.send(Message::Failed),
                Effect::Cancelled => self.send(Message::Cancelled),
                Effect::CompensationRequested => self.send(Message::CompensationRequested),
                Effect::PaymentReceived | Effect::Shipped | Effect::Delivered => {}
            }
        }
        Ok(self)
    }

    /// Steps that the provider and the worker that calls it can take now.
    pub(crate) fn provider_steps(self) -> Vec<(&'static str, Self)> {
        use PaymentState as S;
        let asked = matches!(self.payment, S::ChargeSent | S::ToClose);
        let mut steps = Vec::new();
        match (self.payment, self.provider) {
            (S::ChargeDue, _) => steps.push((
                "the charge is sent",
                Self {
                    payment: S::ChargeSent,
                    ..self
                },
            )),
            (_, Provider::Untouched) if asked => {
                steps.push((
                    "the provider captures",
                    Self {
                        provider: Provider::Captured,
                        ..self
                    },
                ));
                steps.push((
                    "the provider declines",
                    Self {
                        provider: Provider::Declined,
                        ..self
                    },
                ));
            }
            (S::Refunding, Provider::Captured) => {
                steps.push((
                    "the provider refunds",
                    Self {
                        provider: Provider::Refunded,
                        ..self
                    },
                ));
            }
            _ => {}
        }
        let (payment, answer) = participants::payment_answered(self.payment, self.provider);
        if payment != self.payment {
            let mut answered = Self { payment, ..self };
            answered.send_all(answer);
            steps.push(("the provider's answer arrives", answered));
        }
        steps
    }

    /// Nothing is under way.
    pub(crate) fn is_quiet(self) -> bool {
        self.in_flight == 0 && self.provider_steps().is_empty()
    }

    pub(crate) fn is_open(self) -> bool {
        matches!(self.order.status, Status::Placed | Status::PaymentReceived)
    }

    fn money_is_kept(self) -> bool {
        self.provider == Provider::Captured
    }

    /// Checks what must hold in every state.
    pub(crate) fn check(self) -> Result<(), String> {
        let good = matches!(
            self.order.status,
            Status::Confirmed | Status::Shipped | Status::Delivered
        );
        if good && !self.money_is_kept() {
            return Err(format!(
                "{:?}, but the provider says {:?}",
                self.order.status, self.provider
            ));
        }
        if good && !matches!(self.stock, StockState::Reserved | StockState::Sold) {
            return Err(format!("{:?}, but the stock is {:?}", self.order.status, self.stock));
        }
        if self.order.compensation == Compensation::Done && (self.money_is_kept() || self.stock != StockState::Closed) {
            return Err("compensation is called done while something is kept or held".to_owned());
        }
        Ok(())
    }

    /// Checks a quiet state, which must be an agreed end state.
    pub(crate) fn check_quiet(self) -> Result<(), String> {
        let sold = self.money_is_kept() && self.stock == StockState::Sold;
        let nothing_held = !self.money_is_kept()
            && self.stock == StockState::Closed
            && matches!(self.payment, PaymentState::ClosedVoided | PaymentState::ClosedRefunded)
            && self.order.compensation == Compensation::Done;
        let agreed = match self.order.status {
            Status::Confirmed | Status::Shipped | Status::Delivered => sold,
            Status::Failed | Status::Cancelled => nothing_held,
            Status::Placed | Status::PaymentReceived => false,
        };
        if agreed {
            Ok(())
        } else {
            Err("all is quiet, but this is no agreed end state".to_owned())
        }
    }
}

/// Checks a single step, which must not go back, skip, or publish after the end.
fn check_step(before: State, after: State, input: Input, effects: &[Effect]) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {before:?} + {input:?} → {after:?}, {effects:?}"));
    let closed = matches!(before.status, Status::Failed | Status::Cancelled);
    if closed && (after.status != before.status || after.reason != before.reason) {
        return wrong("a closed order changed its status");
    }
    if closed && effects.iter().any(|event| *event != Effect::CompensationRequested) {
        return wrong("a closed order told something");
    }
    if (input == Input::CompensationOverdue) != effects.contains(&Effect::CompensationRequested) && !effects.is_empty()
    {
        return wrong("asked again at the wrong time");
    }
    if !allowed(before.status, after.status) {
        return wrong("no such transition");
    }
    if payment_rank(after.payment) < payment_rank(before.payment) || stock_rank(after.stock) < stock_rank(before.stock)
    {
        return wrong("a fact went back");
    }
    if effects != expected_events(before.status, after.status) && input != Input::CompensationOverdue {
        return wrong("the events do not tell what happened");
    }
    Ok(())
}

fn allowed(from: Status, to: Status) -> bool {
    use Status as S;
    from == to
        || matches!(
            (from, to),
            (S::Placed, S::PaymentReceived | S::Confirmed | S::Failed | S::Cancelled)
                | (S::PaymentReceived, S::Confirmed | S::Failed | S::Cancelled)
                | (S::Confirmed, S::Shipped | S::Cancelled)
                | (S::Shipped, S::Delivered)
        )
}

fn expected_events(from: Status, to: Status) -> &'static [Effect] {
    match (from, to) {
        (from, to) if from == to => &[],
        (Status::Placed, Status::Confirmed) => &[Effect::PaymentReceived, Effect::Confirmed],
        (_, Status::PaymentReceived) => &[Effect::PaymentReceived],
        (_, Status::Confirmed) => &[Effect::Confirmed],
        (_, Status::Shipped) => &[Effect::Shipped],
        (_, Status::Delivered) => &[Effect::Delivered],
        (_, Status::Failed) => &[Effect::Failed],
        (_, Status::Cancelled) => &[Effect::Cancelled],
        (_, Status::Placed) => &[],
    }
}

fn payment_rank(fact: Payment) -> u8 {
    match fact {
        Payment::None => 0,
        Payment::Captured | Payment::Declined => 1,
        Payment::Voided | Payment::Refunded => 2,
    }
}

fn stock_rank(fact: Stock) -> u8 {
    match fact {
        Stock::None => 0,
        Stock::Reserved | Stock::Rejected => 1,
        Stock::Released => 2,
    }
}
