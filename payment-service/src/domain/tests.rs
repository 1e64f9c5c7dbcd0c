//! Every cell of the table, and every interleaving of inputs about one payment up to seven steps.

use super::*;

fn charge_declined() -> Input {
    Input::ChargeDeclined {
        reason: "card_declined".to_owned(),
    }
}

#[test]
fn every_cell_of_the_table_has_its_effect() {
    use Effect::{
        AwaitCharge, Complete, CompleteRefund, EnqueueCharge, EnqueueRefund, Ignore, QueryAgain, RepeatRefunded,
        RepeatVoided, Void,
    };
    let ended = |charge_cancelled| Input::OrderEnded { charge_cancelled };
    let decline = || Effect::Decline {
        reason: "card_declined".to_owned(),
    };
    // `None` is a refusal.
    let some = |effects: [Effect; 8]| effects.map(Some);
    #[rustfmt::skip]
    let rows = [
        //                                 none           charging     to_close     captured       declined  refunding  closed        refunded
        (Input::OrderPlaced,           some([EnqueueCharge, Ignore,      Ignore,      Ignore,        Ignore,   Ignore,    Ignore,       Ignore])),
        (ended(false),                 some([Void,          AwaitCharge, Ignore,      EnqueueRefund, Void,     Ignore,    Ignore,       Ignore])),
        (ended(true),                  some([Void,          Void,        Ignore,      EnqueueRefund, Void,     Ignore,    Ignore,       Ignore])),
        (Input::CompensationRequested, some([Void,          AwaitCharge, AwaitCharge, EnqueueRefund, Void,     Ignore,    RepeatVoided, RepeatRefunded])),
        (Input::ChargeCaptured,  [None, Some(Complete),   Some(EnqueueRefund), None, None, None,                 None, None]),
        (charge_declined(),      [None, Some(decline()),  Some(Void),          None, None, None,                 None, None]),
        (Input::ChargeVoided,    [None, None,             Some(Void),          None, None, None,                 None, None]),
        (Input::OutcomeUnknown,  [None, Some(QueryAgain), Some(QueryAgain),    None, None, Some(QueryAgain),     None, None]),
        (Input::RefundSucceeded, [None, None,             None,                None, None, Some(CompleteRefund), None, None]),
    ];
    for (input, effects) in rows {
        assert_eq!(State::ALL.len(), effects.len());
        for (state, effect) in State::ALL.iter().copied().zip(effects) {
            let expected = effect.ok_or_else(|| Refusal {
                state,
                input: input.clone(),
            });
            assert_eq!(decide(state, input.clone()), expected, "{input:?} in {state:?}");
        }
    }
}

/// A step of an order, of the provider or of the network between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Placed,
    Ended,
    CompensationRequested,
    /// The worker sends the charge of an order that goes on; it is captured, and the answer arrives.
    ChargeCaptured,
    /// It is captured, and the answer is lost.
    CaptureAnswerLost,
    /// It is lost itself, or late, which looks the same to the worker.
    ChargeSent,
    /// A charge that was late arrives.
    ChargeArrives,
    ChargeDeclined,
    DeclineAnswerLost,
    /// The worker asks for the charge, and voids it if the order has ended and the provider does not know it.
    ChargeQueried,
    RefundMade,
    RefundAnswerLost,
    RefundLost,
}

const STEPS: [Step; 13] = [
    Step::Placed,
    Step::Ended,
    Step::CompensationRequested,
    Step::ChargeCaptured,
    Step::CaptureAnswerLost,
    Step::ChargeSent,
    Step::ChargeArrives,
    Step::ChargeDeclined,
    Step::DeclineAnswerLost,
    Step::ChargeQueried,
    Step::RefundMade,
    Step::RefundAnswerLost,
    Step::RefundLost,
];

/// A job's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    Absent,
    Due { attempted: bool },
}

/// What the provider knows under the charge's key. It answers so again, whatever arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Unknown,
    Captured,
    Declined,
    Voided,
}

/// A model of one order's payment, its jobs and the provider's books, driven as `transition` drives the database.
#[derive(Debug, Clone)]
struct Model {
    state: State,
    charge: Job,
    refund: Job,
    key: Key,
    /// Charges that the worker has sent, and those of them that have arrived.
    sent: u32,
    arrived: u32,
    refunds: u32,
    placed: bool,
    ended: bool,
    requests_since_closed: u32,
    completed: u32,
    failed: u32,
    voided: u32,
    refunded: u32,
}

impl Model {
    fn new() -> Self {
        Self {
            state: State::None,
            charge: Job::Absent,
            refund: Job::Absent,
            key: Key::Unknown,
            sent: 0,
            arrived: 0,
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

    fn is_possible(&self, step: Step) -> bool {
        // The worker sends charges of orders that go on, and no others.
        let may_send = self.charge != Job::Absent && self.state == State::Charging;
        match step {
            Step::Placed | Step::Ended | Step::CompensationRequested => true,
            Step::ChargeCaptured | Step::CaptureAnswerLost => may_send && self.key != Key::Declined,
            Step::ChargeSent => may_send,
            Step::ChargeArrives => self.sent > self.arrived,
            Step::ChargeDeclined | Step::DeclineAnswerLost => may_send && self.key != Key::Captured,
            Step::ChargeQueried => self.charge != Job::Absent,
            Step::RefundMade | Step::RefundAnswerLost | Step::RefundLost => self.refund != Job::Absent,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Placed => {
                self.placed |= self.state == State::None;
                self.apply(Input::OrderPlaced);
            }
            Step::Ended => {
                self.ended = true;
                let charge_cancelled = self.state == State::Charging && self.charge == Job::Due { attempted: false };
                if charge_cancelled {
                    self.charge = Job::Absent;
                }
                self.apply(Input::OrderEnded { charge_cancelled });
            }
            Step::CompensationRequested => {
                self.ended = true;
                if matches!(self.state, State::Closed | State::Refunded) {
                    self.requests_since_closed += 1;
                }
                self.apply(Input::CompensationRequested);
            }
            Step::ChargeCaptured | Step::CaptureAnswerLost => {
                self.send_and_arrive(Key::Captured);
                self.end_attempt(step == Step::ChargeCaptured, Input::ChargeCaptured);
            }
            Step::ChargeDeclined | Step::DeclineAnswerLost => {
                self.send_and_arrive(Key::Declined);
                self.end_attempt(step == Step::ChargeDeclined, charge_declined());
            }
            Step::ChargeSent => {
                self.sent += 1;
                self.end_attempt(false, Input::OutcomeUnknown);
            }
            Step::ChargeArrives => {
                self.arrived += 1;
                if self.key == Key::Unknown {
                    self.key = Key::Captured;
                }
            }
            Step::ChargeQueried => self.query_charge(),
            Step::RefundLost => self.end_attempt(false, Input::OutcomeUnknown),
            Step::RefundMade | Step::RefundAnswerLost => {
                self.refunds = 1;
                self.end_attempt(step == Step::RefundMade, Input::RefundSucceeded);
            }
        }
    }

    /// The worker's query, and what it does about an order that has ended (`jobs/charge.rs`).
    fn query_charge(&mut self) {
        let attempted = self.charge == Job::Due { attempted: true };
        match self.key {
            Key::Captured => self.end_attempt(true, Input::ChargeCaptured),
            Key::Declined => self.end_attempt(true, charge_declined()),
            Key::Unknown | Key::Voided if self.state == State::ToClose => {
                if attempted {
                    self.key = Key::Voided;
                }
                self.end_attempt(true, Input::ChargeVoided);
            }
            Key::Unknown | Key::Voided => {}
        }
    }

    /// A charge is sent and read by the provider, which answers a known key as before.
    fn send_and_arrive(&mut self, outcome: Key) {
        (self.sent, self.arrived) = (self.sent + 1, self.arrived + 1);
        if self.key == Key::Unknown {
            self.key = outcome;
        }
    }

    /// Completes the worker's job with a definite outcome, or leaves it due for another query.
    fn end_attempt(&mut self, is_definite: bool, outcome: Input) {
        let job = if self.charge == Job::Absent {
            &mut self.refund
        } else {
            &mut self.charge
        };
        if is_definite {
            *job = Job::Absent;
            self.apply(outcome);
        } else {
            *job = Job::Due { attempted: true };
            self.apply(Input::OutcomeUnknown);
        }
    }

    fn apply(&mut self, input: Input) {
        match decide(self.state, input).unwrap() {
            Effect::Ignore | Effect::QueryAgain => {}
            Effect::EnqueueCharge => (self.state, self.charge) = (State::Charging, Job::Due { attempted: false }),
            Effect::AwaitCharge => self.state = State::ToClose,
            Effect::Void => (self.state, self.voided) = (State::Closed, self.voided + 1),
            Effect::Complete => (self.state, self.completed) = (State::Captured, self.completed + 1),
            Effect::Decline { .. } => (self.state, self.failed) = (State::Declined, self.failed + 1),
            Effect::EnqueueRefund => (self.state, self.refund) = (State::Refunding, Job::Due { attempted: false }),
            Effect::CompleteRefund => (self.state, self.refunded) = (State::Refunded, self.refunded + 1),
            Effect::RepeatVoided => self.voided += 1,
            Effect::RepeatRefunded => self.refunded += 1,
        }
    }

    /// Runs the workers until no job is due: each gets a definite answer in the end. Whatever was late has arrived then.
    fn run_jobs(&mut self) {
        if self.charge != Job::Absent {
            self.take(Step::ChargeQueried);
        }
        if self.charge != Job::Absent {
            self.take(Step::ChargeCaptured);
        }
        while self.sent > self.arrived {
            self.take(Step::ChargeArrives);
        }
        while self.refund != Job::Absent {
            self.take(Step::RefundMade);
        }
    }

    fn check(mut self, history: &[Step]) {
        self.run_jobs();
        let kept = u32::from(self.key == Key::Captured) - self.refunds;
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

    /// Tries every next step, to the given depth, and checks each history; returns the number of histories.
    fn explore(&self, history: &mut Vec<Step>, depth: u32) -> u32 {
        self.clone().check(history);
        let mut histories = 1;
        if depth == 0 {
            return histories;
        }
        for step in STEPS.into_iter().filter(|step| self.is_possible(*step)) {
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
fn every_interleaving_with_duplicates_and_lost_answers_keeps_no_money_of_an_ended_order() {
    let histories = Model::new().explore(&mut Vec::new(), 7);
    assert!(histories > 20_000, "only {histories} histories were tried");
}
