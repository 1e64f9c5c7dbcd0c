//! The model checker. It explores the reachable states breadth-first and checks the properties of each; the last one
//! is that an agreed end state can be reached from every state.

use super::system::{Message, ROUTES, Recipient, Rules, System};
use order_service::domain::{Compensation, Input, Status};
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// The result of a check.
pub(crate) enum Outcome {
    /// Every property holds in the whole state space.
    Holds {
        states: usize,
        transitions: usize,
        quiescent: usize,
        ends: Vec<Status>,
    },
    /// The first violation found, with a shortest path to it.
    Counterexample {
        states: usize,
        violation: String,
        path: Vec<String>,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds {
                states,
                transitions,
                quiescent,
                ends,
            } => {
                write!(
                    f,
                    "holds; {states} states, {transitions} transitions, {quiescent} quiescent states, ends {ends:?}"
                )
            }
            Self::Counterexample {
                states,
                violation,
                path,
            } => {
                write!(
                    f,
                    "violated after {states} states: {violation}\n  {}",
                    path.join("\n  ")
                )
            }
        }
    }
}

/// The states explored so far; each is identified by its index in `states`.
#[derive(Default)]
struct Exploration {
    states: Vec<System>,
    index_of: HashMap<System, usize>,
    /// The predecessor and the transition by which each state was first reached.
    reached_by: Vec<(usize, String)>,
    /// The direct predecessors of each state.
    predecessors: Vec<Vec<u32>>,
    transitions: usize,
}

/// Checks the model of one order, of whose messages up to `losses` may be lost.
pub(crate) fn check_model(rules: Rules, losses: u8) -> Outcome {
    let mut explored = Exploration::default();
    explored.add(System::initial(losses), 0, "placed");
    let mut ends = Vec::new();
    let mut quiescent = Vec::new();
    let mut next = 0;
    while let Some(&system) = explored.states.get(next) {
        if let Err(violation) = system.check_invariants() {
            return explored.counterexample(next, violation);
        }
        // With losses, an open order waits for its deadline and a pending compensation for the next request.
        let waits = losses > 0 && (system.is_open() || system.order.compensation == Compensation::Pending);
        if system.is_quiescent() && !waits {
            if let Err(violation) = system.check_quiescent() {
                return explored.counterexample(next, violation);
            }
            quiescent.push(next);
            ends.push(system.order.status);
        }
        for (transition, successor) in transitions(system, rules) {
            match successor {
                Ok(successor) => explored.add(successor, next, &transition),
                Err(violation) => return explored.counterexample(next, format!("{transition}: {violation}")),
            }
        }
        next += 1;
    }
    if let Some(state) = explored.first_without_a_path_to(&quiescent) {
        return explored.counterexample(state, "no agreed end state can be reached from here".to_owned());
    }
    ends.sort_by_key(|status| format!("{status:?}"));
    ends.dedup();
    Outcome::Holds {
        states: explored.states.len(),
        transitions: explored.transitions,
        quiescent: quiescent.len(),
        ends,
    }
}

/// The transitions enabled in a state, each with its successor or the violation that it causes.
fn transitions(system: System, rules: Rules) -> Vec<(String, Result<System, String>)> {
    let mut transitions = Vec::new();
    for (bit, (message, recipient)) in ROUTES.iter().enumerate() {
        let mask = 1_u16 << bit;
        let in_flight = system.in_flight & mask != 0;
        if !in_flight && system.delivered & mask == 0 {
            continue;
        }
        let again = if in_flight { "" } else { " again" };
        transitions.push((
            format!("{message:?} arrives{again} at {recipient:?}"),
            system.deliver(rules, bit, true),
        ));
        if *recipient == Recipient::Stock && *message == Message::Placed {
            transitions.push((
                format!("{message:?} arrives{again}, out of stock"),
                system.deliver(rules, bit, false),
            ));
        }
        if in_flight && system.losses > 0 && *message != Message::Confirmed {
            let lost = System {
                in_flight: system.in_flight & !mask,
                losses: system.losses - 1,
                ..system
            };
            transitions.push((format!("{message:?} to {recipient:?} is lost"), Ok(lost)));
        }
    }
    for (transition, successor) in system.provider_transitions() {
        transitions.push((transition.to_owned(), Ok(successor)));
    }
    for input in [
        Input::Cancel,
        Input::DeadlinePassed,
        Input::Ship,
        Input::Deliver,
        Input::CompensationOverdue,
    ] {
        transitions.push((format!("{input:?}"), system.input(rules, input)));
    }
    transitions
}

impl Exploration {
    fn add(&mut self, system: System, predecessor: usize, transition: &str) {
        self.transitions += 1;
        let predecessor_index = u32::try_from(predecessor).expect("far fewer states than that");
        if let Some(&known) = self.index_of.get(&system) {
            self.predecessors[known].push(predecessor_index);
            return;
        }
        self.index_of.insert(system, self.states.len());
        self.states.push(system);
        self.reached_by.push((predecessor, transition.to_owned()));
        self.predecessors.push(vec![predecessor_index]);
    }

    fn counterexample(&self, last: usize, violation: String) -> Outcome {
        let mut path = vec![format!("{:?}", self.states[last])];
        let mut state = last;
        while state != 0 {
            let (predecessor, transition) = &self.reached_by[state];
            path.push(transition.clone());
            state = *predecessor;
        }
        path.reverse();
        Outcome::Counterexample {
            states: self.states.len(),
            violation,
            path,
        }
    }

    /// Returns the first state from which none of the `targets` can be reached, by a backward search from them.
    fn first_without_a_path_to(&self, targets: &[usize]) -> Option<usize> {
        let mut has_path = vec![false; self.states.len()];
        let mut pending: BTreeSet<usize> = targets.iter().copied().collect();
        while let Some(state) = pending.pop_first() {
            if !std::mem::replace(&mut has_path[state], true) {
                pending.extend(self.predecessors[state].iter().map(|predecessor| *predecessor as usize));
            }
        }
        has_path.iter().position(|has_path| !has_path)
    }
}
