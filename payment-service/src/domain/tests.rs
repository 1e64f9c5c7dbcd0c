//! Every cell of the table, and every order in which facts about one payment can meet.

use super::*;

const STATES: [State; 8] = [
    State::None,
    State::Charging,
    State::ToClose,
    State::Captured,
    State::Declined,
    State::Refunding,
    State::Closed,
    State::Refunded,
];

#[test]
fn every_cell_of_the_table() {
    use Decision::{
        AskAgain, Charge, Close, CloseLater, Complete, Decline, FinishRefund, Impossible, Nothing, Refund,
        RepeatRefunded, RepeatVoided,
    };
    let withdrawn = |charge_withdrawn| Fact::Ended { charge_withdrawn };
    #[rustfmt::skip]
    let rows = [
        //                            none        charging    to close    captured    declined    refunding     closed        refunded
        (Fact::Placed,                [Charge,     Nothing,    Nothing,    Nothing,    Nothing,    Nothing,      Nothing,      Nothing]),
        (withdrawn(false),            [Close,      CloseLater, Nothing,    Refund,     Close,      Nothing,      Nothing,      Nothing]),
        (withdrawn(true),             [Close,      Close,      Nothing,    Refund,     Close,      Nothing,      Nothing,      Nothing]),
        (Fact::CompensationRequested, [Close,      CloseLater, CloseLater, Refund,     Close,      Nothing,      RepeatVoided, RepeatRefunded]),
        (Fact::ProviderCaptured,      [Impossible, Complete,   Refund,     Impossible, Impossible, Impossible,   Impossible,   Impossible]),
        (Fact::ProviderDeclined,      [Impossible, Decline,    Close,      Impossible, Impossible, Impossible,   Impossible,   Impossible]),
        (Fact::ProviderUnknown,       [Impossible, AskAgain,   AskAgain,   Impossible, Impossible, AskAgain,     Impossible,   Impossible]),
        (Fact::ProviderRefunded,      [Impossible, Impossible, Impossible, Impossible, Impossible, FinishRefund, Impossible,   Impossible]),
    ];
    for (fact, decisions) in rows {
        for (state, decision) in STATES.into_iter().zip(decisions) {
            assert_eq!(on(state, fact), decision, "{fact:?} in {state:?}");
        }
    }
}

/// A step of the world around the payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Placed,
    Ended,
    CompensationRequested,
    /// The worker sends the charge; it is captured, and the answer arrives.
    ChargeCaptured,
    /// It is captured, and the answer is lost.
    ChargeCapturedUnheard,
    /// It never arrives, and nobody can tell.
    ChargeLost,
    ChargeDeclined,
    RefundDone,
    RefundDoneUnheard,
    RefundLost,
}

const STEPS: [Step; 10] = [
    Step::Placed,
    Step::Ended,
    Step::CompensationRequested,
    Step::ChargeCaptured,
    Step::ChargeCapturedUnheard,
    Step::ChargeLost,
    Step::ChargeDeclined,
    Step::RefundDone,
    Step::RefundDoneUnheard,
    Step::RefundLost,
];

/// A call that is due, as an intent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    No,
    Yes { tried: bool },
}

/// One order's payment, its intents and what the provider holds, driven as the transition module drives the database.
#[derive(Debug, Clone)]
struct World {
    state: State,
    charge: Due,
    refund: Due,
    captures: u32,
    /// The provider's decision for the charge's key, once it has one.
    declined: bool,
    refunds: u32,
    placed: bool,
    ended: bool,
    requests_since_closed: u32,
    completed: u32,
    failed: u32,
    voided: u32,
    refunded: u32,
}

impl World {
    fn new() -> Self {
        Self {
            state: State::None,
            charge: Due::No,
            refund: Due::No,
            captures: 0,
            declined: false,
            refunds: 0,
            placed: false,
            ended: false,
            requests_since_closed: 0,
            completed: 0,
            failed: 0,
            voided: 0,
            refunded: 0,
        }
    }

    fn can(&self, step: Step) -> bool {
        let charge_due = self.charge != Due::No;
        match step {
            Step::Placed | Step::Ended | Step::CompensationRequested => true,
            Step::ChargeCaptured | Step::ChargeCapturedUnheard => charge_due && !self.declined,
            Step::ChargeLost => charge_due,
            Step::ChargeDeclined => charge_due && self.captures == 0,
            Step::RefundDone | Step::RefundDoneUnheard | Step::RefundLost => self.refund != Due::No,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Placed => {
                self.placed |= self.state == State::None;
                self.learn(Fact::Placed);
            }
            Step::Ended => {
                self.ended = true;
                let charge_withdrawn = self.state == State::Charging && self.charge == Due::Yes { tried: false };
                if charge_withdrawn {
                    self.charge = Due::No;
                }
                self.learn(Fact::Ended { charge_withdrawn });
            }
            Step::CompensationRequested => {
                self.ended = true;
                if matches!(self.state, State::Closed | State::Refunded) {
                    self.requests_since_closed += 1;
                }
                self.learn(Fact::CompensationRequested);
            }
            Step::ChargeCaptured | Step::ChargeCapturedUnheard => {
                // The key makes a second capture the first one again.
                self.captures = 1;
                self.answer(step == Step::ChargeCaptured, Fact::ProviderCaptured);
            }
            Step::ChargeDeclined => {
                self.declined = true;
                self.answer(true, Fact::ProviderDeclined);
            }
            Step::ChargeLost | Step::RefundLost => self.answer(false, Fact::ProviderUnknown),
            Step::RefundDone | Step::RefundDoneUnheard => {
                self.refunds = 1;
                self.answer(step == Step::RefundDone, Fact::ProviderRefunded);
            }
        }
    }

    /// The worker learns an outcome and finishes its intent, or knows nothing and will ask again.
    fn answer(&mut self, heard: bool, fact: Fact) {
        let due = if self.charge == Due::No {
            &mut self.refund
        } else {
            &mut self.charge
        };
        *due = if heard { Due::No } else { Due::Yes { tried: true } };
        self.learn(if heard { fact } else { Fact::ProviderUnknown });
    }

    fn learn(&mut self, fact: Fact) {
        match on(self.state, fact) {
            Decision::Nothing | Decision::AskAgain => {}
            Decision::Charge => (self.state, self.charge) = (State::Charging, Due::Yes { tried: false }),
            Decision::CloseLater => self.state = State::ToClose,
            Decision::Close => (self.state, self.voided) = (State::Closed, self.voided + 1),
            Decision::Complete => (self.state, self.completed) = (State::Captured, self.completed + 1),
            Decision::Decline => (self.state, self.failed) = (State::Declined, self.failed + 1),
            Decision::Refund => (self.state, self.refund) = (State::Refunding, Due::Yes { tried: false }),
            Decision::FinishRefund => (self.state, self.refunded) = (State::Refunded, self.refunded + 1),
            Decision::RepeatVoided => self.voided += 1,
            Decision::RepeatRefunded => self.refunded += 1,
            Decision::Impossible => panic!("{fact:?} met {:?}", self.state),
        }
    }

    /// Lets the workers finish: every call that is due gets a definite answer in the end.
    fn settle(&mut self) {
        while self.charge != Due::No {
            self.take(if self.declined {
                Step::ChargeDeclined
            } else {
                Step::ChargeCaptured
            });
        }
        while self.refund != Due::No {
            self.take(Step::RefundDone);
        }
    }

    fn check(mut self, history: &[Step]) {
        self.settle();
        let kept = self.captures - self.refunds;
        let answered = (self.completed, self.failed);
        if self.ended {
            assert_eq!(kept, 0, "money was kept: {history:?}");
            let repeated = self.requests_since_closed;
            match self.state {
                State::Closed => assert_eq!((self.voided, self.refunded), (1 + repeated, 0), "{history:?}"),
                State::Refunded => assert_eq!((self.voided, self.refunded), (0, 1 + repeated), "{history:?}"),
                other => panic!("ended in {other:?}: {history:?}"),
            }
            assert!(answered.0 + answered.1 <= 1, "{history:?}");
        } else if self.placed {
            let captured = self.state == State::Captured && kept == 1 && answered == (1, 0);
            let declined = self.state == State::Declined && kept == 0 && answered == (0, 1);
            assert!(
                captured || declined,
                "{:?}, {kept} kept, {answered:?}: {history:?}",
                self.state
            );
        } else {
            assert_eq!((self.state, kept), (State::None, 0), "{history:?}");
        }
    }

    /// Tries every next step, to the given depth, and checks each history; returns how many there were.
    fn explore(&self, history: &mut Vec<Step>, depth: u32) -> u32 {
        self.clone().check(history);
        let mut histories = 1;
        if depth == 0 {
            return histories;
        }
        for step in STEPS.into_iter().filter(|step| self.can(*step)) {
            let mut next = self.clone();
            next.take(step);
            history.push(step);
            histories += next.explore(history, depth - 1);
            history.pop();
        }
        histories
    }
}

#[test]
fn every_order_of_facts_duplicates_and_lost_answers_ends_agreed() {
    let histories = World::new().explore(&mut Vec::new(), 7);
    assert!(histories > 20_000, "only {histories} histories were tried");
}
