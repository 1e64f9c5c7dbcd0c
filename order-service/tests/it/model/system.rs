//! The modelled system: order, participants, provider and the messages in flight as one state, the transitions between
//! states, and the properties to check.

use super::participants::{self, PaymentState, Provider, StockState, StockTransition};
use order_service::domain::{Compensation, Effect, Input, Payment, Refusal, State, Status, Stock};

/// The messages between order-service, payment-service and product-service that have an effect.
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
pub(crate) enum Recipient {
    Order(Input),
    Payment,
    Stock,
}

/// The bindings of the queues: each message with a recipient. The index is the bit in [`System::in_flight`].
pub(crate) const ROUTES: [(Message, Recipient); 16] = [
    (Message::Placed, Recipient::Payment),
    (Message::Failed, Recipient::Payment),
    (Message::Cancelled, Recipient::Payment),
    (Message::CompensationRequested, Recipient::Payment),
    (Message::Placed, Recipient::Stock),
    (Message::Confirmed, Recipient::Stock),
    (Message::Failed, Recipient::Stock),
    (Message::Cancelled, Recipient::Stock),
    (Message::CompensationRequested, Recipient::Stock),
    (Message::PaymentCompleted, Recipient::Order(Input::PaymentCompleted)),
    (Message::PaymentFailed, Recipient::Order(Input::PaymentFailed)),
    (Message::PaymentVoided, Recipient::Order(Input::PaymentVoided)),
    (Message::PaymentRefunded, Recipient::Order(Input::PaymentRefunded)),
    (Message::StockReserved, Recipient::Order(Input::StockReserved)),
    (Message::StockRejected, Recipient::Order(Input::StockRejected)),
    (Message::StockReleased, Recipient::Order(Input::StockReleased)),
];

/// The rules under test, each replaceable by a broken one.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) order: fn(&mut State, Input) -> Result<Vec<Effect>, Refusal>,
    pub(crate) payment: fn(PaymentState, Message) -> (PaymentState, Option<Message>),
    pub(crate) stock: fn(StockState, Message, bool) -> StockTransition,
}

impl Rules {
    pub(crate) const AS_DESIGNED: Self = Self {
        order: State::decide,
        payment: participants::payment,
        stock: participants::stock,
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct System {
    pub(crate) order: State,
    pub(crate) payment: PaymentState,
    pub(crate) stock: StockState,
    pub(crate) provider: Provider,
    /// Messages sent and not yet delivered, one bit for each of [`ROUTES`]; they are unordered.
    pub(crate) in_flight: u16,
    /// Messages delivered before, which may be redelivered at any time.
    pub(crate) delivered: u16,
    /// Number of messages that may still be lost.
    pub(crate) losses: u8,
}

impl System {
    pub(crate) fn initial(losses: u8) -> Self {
        let mut system = Self {
            order: State::PLACED,
            payment: PaymentState::None,
            stock: StockState::None,
            provider: Provider::Untouched,
            in_flight: 0,
            delivered: 0,
            losses,
        };
        system.send(Message::Placed);
        system
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

    /// Delivers a message, in flight or again.
    pub(crate) fn deliver(mut self, rules: Rules, bit: usize, enough: bool) -> Result<Self, String> {
        let (message, recipient) = ROUTES[bit];
        self.in_flight &= !(1 << bit);
        self.delivered |= 1 << bit;
        match recipient {
            Recipient::Order(input) => return self.input(rules, input),
            Recipient::Payment => {
                let (state, answer) = (rules.payment)(self.payment, message);
                self.payment = state;
                self.send_all(answer);
            }
            Recipient::Stock => {
                let (state, answer) = (rules.stock)(self.stock, message, enough)
                    .map_err(|()| format!("product-service cannot apply {message:?} in state {:?}", self.stock))?;
                self.stock = state;
                self.send_all(answer);
            }
        }
        Ok(self)
    }

    /// Applies an input to the order, and checks the transition.
    pub(crate) fn input(mut self, rules: Rules, input: Input) -> Result<Self, String> {
        let before = self.order;
        let effects = match (rules.order)(&mut self.order, input) {
            Ok(effects) => effects,
            Err(Refusal::Transition { .. }) if self.order == before => Vec::new(),
            Err(refusal) => return Err(refusal.to_string()),
        };
        check_transition(before, self.order, input, &effects)?;
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

    /// Returns the enabled transitions of the provider and of the worker that calls it.
    pub(crate) fn provider_transitions(self) -> Vec<(&'static str, Self)> {
        use PaymentState as S;
        let is_charge_sent = matches!(self.payment, S::ChargeSent | S::ToClose);
        let mut transitions = Vec::new();
        match (self.payment, self.provider) {
            (S::ChargeDue, _) => transitions.push((
                "the charge is sent",
                Self {
                    payment: S::ChargeSent,
                    ..self
                },
            )),
            (_, Provider::Untouched) if is_charge_sent => {
                transitions.push((
                    "the provider captures",
                    Self {
                        provider: Provider::Captured,
                        ..self
                    },
                ));
                transitions.push((
                    "the provider declines",
                    Self {
                        provider: Provider::Declined,
                        ..self
                    },
                ));
            }
            (S::Refunding, Provider::Captured) => {
                transitions.push((
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
            transitions.push(("the provider's answer arrives", answered));
        }
        transitions
    }

    /// Returns true if no message is in flight and no transition of the provider is enabled.
    pub(crate) fn is_quiescent(self) -> bool {
        self.in_flight == 0 && self.provider_transitions().is_empty()
    }

    pub(crate) fn is_open(self) -> bool {
        matches!(self.order.status, Status::Placed | Status::PaymentReceived)
    }

    fn is_captured(self) -> bool {
        self.provider == Provider::Captured
    }

    /// Checks the invariants, which hold in every state.
    pub(crate) fn check_invariants(self) -> Result<(), String> {
        let is_fulfilled = matches!(
            self.order.status,
            Status::Confirmed | Status::Shipped | Status::Delivered
        );
        if is_fulfilled && !self.is_captured() {
            return Err(format!(
                "{:?}, but the provider says {:?}",
                self.order.status, self.provider
            ));
        }
        if is_fulfilled && !matches!(self.stock, StockState::Reserved | StockState::Sold) {
            return Err(format!("{:?}, but the stock is {:?}", self.order.status, self.stock));
        }
        if self.order.compensation == Compensation::Done && (self.is_captured() || self.stock != StockState::Closed) {
            return Err("compensation is done, but the payment is captured or the stock is held".to_owned());
        }
        Ok(())
    }

    /// Checks that a quiescent state is an agreed end state.
    pub(crate) fn check_quiescent(self) -> Result<(), String> {
        let sold = self.is_captured() && self.stock == StockState::Sold;
        let nothing_held = !self.is_captured()
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
            Err("the state is quiescent, but not an agreed end state".to_owned())
        }
    }
}

/// Checks a transition of the order, which must not go back, skip a status, or publish an event after the end.
fn check_transition(before: State, after: State, input: Input, effects: &[Effect]) -> Result<(), String> {
    let violation = |property: &str| Err(format!("{property}: {before:?} + {input:?} → {after:?}, {effects:?}"));
    let closed = matches!(before.status, Status::Failed | Status::Cancelled);
    if closed && (after.status != before.status || after.reason != before.reason) {
        return violation("a closed order changed its status");
    }
    if closed && effects.iter().any(|event| *event != Effect::CompensationRequested) {
        return violation("a closed order published an event");
    }
    if (input == Input::CompensationOverdue) != effects.contains(&Effect::CompensationRequested) && !effects.is_empty()
    {
        return violation("compensation was requested at the wrong time");
    }
    if !allowed(before.status, after.status) {
        return violation("no such transition");
    }
    if payment_rank(after.payment) < payment_rank(before.payment) || stock_rank(after.stock) < stock_rank(before.stock)
    {
        return violation("a fact was reverted");
    }
    if effects != expected_events(before.status, after.status) && input != Input::CompensationOverdue {
        return violation("the events do not match the transition");
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
