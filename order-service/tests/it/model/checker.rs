//! The walk through all states, breadth-first, and the check that from each of them a good end can be reached.

use super::world::{Message, ROUTES, Rules, To, World};
use order_service::domain::{Compensation, Input, Status};
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// The outcome of a search.
pub(crate) enum Outcome {
    /// No violation in the whole space.
    Sound {
        states: usize,
        steps: usize,
        quiet: usize,
        ends: Vec<Status>,
    },
    /// The first violation, with a shortest way to it.
    Violated {
        states: usize,
        what: String,
        path: Vec<String>,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sound {
                states,
                steps,
                quiet,
                ends,
            } => {
                write!(
                    f,
                    "sound; {states} states, {steps} steps between them, {quiet} quiet states, ends {ends:?}"
                )
            }
            Self::Violated { states, what, path } => {
                write!(f, "violated after {states} states: {what}\n  {}", path.join("\n  "))
            }
        }
    }
}

/// Everything that came up during a walk; a state is known by its position in `worlds`.
#[derive(Default)]
struct Walk {
    worlds: Vec<World>,
    position: HashMap<World, usize>,
    /// Whence and how each state was first reached.
    reached_by: Vec<(usize, String)>,
    /// For each state, the states from which one step leads to it.
    before: Vec<Vec<u32>>,
    steps: usize,
}

/// Walks everything that can happen to one order when `losses` messages may vanish.
pub(crate) fn explore(rules: Rules, losses: u8) -> Outcome {
    let mut walk = Walk::default();
    walk.reach(World::at_placing(losses), 0, "placed");
    let mut ends = Vec::new();
    let mut quiet = Vec::new();
    let mut next = 0;
    while let Some(&world) = walk.worlds.get(next) {
        if let Err(what) = world.check() {
            return walk.violated(next, what);
        }
        // With losses, an open order waits for its deadline and a pending compensation for the next asking.
        let waits = losses > 0 && (world.is_open() || world.order.compensation == Compensation::Pending);
        if world.is_quiet() && !waits {
            if let Err(what) = world.check_quiet() {
                return walk.violated(next, what);
            }
            quiet.push(next);
            ends.push(world.order.status);
        }
        for (how, step) in steps(world, rules) {
            match step {
                Ok(after) => walk.reach(after, next, &how),
                Err(what) => return walk.violated(next, format!("{how}: {what}")),
            }
        }
        next += 1;
    }
    if let Some(stuck) = walk.first_stuck(&quiet) {
        return walk.violated(stuck, "no good end can be reached from here".to_owned());
    }
    ends.sort_by_key(|status| format!("{status:?}"));
    ends.dedup();
    Outcome::Sound {
        states: walk.worlds.len(),
        steps: walk.steps,
        quiet: quiet.len(),
        ends,
    }
}

/// All that can happen next.
fn steps(world: World, rules: Rules) -> Vec<(String, Result<World, String>)> {
    let mut steps = Vec::new();
    for (bit, (message, to)) in ROUTES.iter().enumerate() {
        let mask = 1_u16 << bit;
        let in_flight = world.in_flight & mask != 0;
        if !in_flight && world.delivered & mask == 0 {
            continue;
        }
        let again = if in_flight { "" } else { " again" };
        steps.push((
            format!("{message:?} arrives{again} at {to:?}"),
            world.deliver(rules, bit, true),
        ));
        if *to == To::Stock && *message == Message::Placed {
            steps.push((
                format!("{message:?} arrives{again}, out of stock"),
                world.deliver(rules, bit, false),
            ));
        }
        if in_flight && world.losses > 0 && *message != Message::Confirmed {
            let lost = World {
                in_flight: world.in_flight & !mask,
                losses: world.losses - 1,
                ..world
            };
            steps.push((format!("{message:?} to {to:?} vanishes"), Ok(lost)));
        }
    }
    for (how, after) in world.provider_steps() {
        steps.push((how.to_owned(), Ok(after)));
    }
    for input in [
        Input::Cancel,
        Input::DeadlinePassed,
        Input::Ship,
        Input::Deliver,
        Input::CompensationOverdue,
    ] {
        steps.push((format!("{input:?}"), world.input(rules, input)));
    }
    steps
}

impl Walk {
    fn reach(&mut self, world: World, from: usize, how: &str) {
        self.steps += 1;
        let from_index = u32::try_from(from).expect("far fewer states than that");
        if let Some(&known) = self.position.get(&world) {
            self.before[known].push(from_index);
            return;
        }
        self.position.insert(world, self.worlds.len());
        self.worlds.push(world);
        self.reached_by.push((from, how.to_owned()));
        self.before.push(vec![from_index]);
    }

    fn violated(&self, at: usize, what: String) -> Outcome {
        let mut path = vec![format!("{:?}", self.worlds[at])];
        let mut position = at;
        while position != 0 {
            let (from, how) = &self.reached_by[position];
            path.push(how.clone());
            position = *from;
        }
        path.reverse();
        Outcome::Violated {
            states: self.worlds.len(),
            what,
            path,
        }
    }

    /// A state from which none of the `good` ones can be reached, if there is one.
    fn first_stuck(&self, good: &[usize]) -> Option<usize> {
        let mut leads_there = vec![false; self.worlds.len()];
        let mut open: BTreeSet<usize> = good.iter().copied().collect();
        while let Some(position) = open.pop_first() {
            if !std::mem::replace(&mut leads_there[position], true) {
                open.extend(self.before[position].iter().map(|before| *before as usize));
            }
        }
        leads_there.iter().position(|reaches| !reaches)
    }
}
