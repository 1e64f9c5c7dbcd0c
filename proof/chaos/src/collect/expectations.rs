//! The faults of a run, as the checker must allow for them.

use crate::{
    inject::{AppliedFault, process::Process},
    plan::fault::{Fault, program_of},
};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// The deliberate harm that the checker must expect.
#[derive(Debug)]
pub(crate) struct Expectations {
    pub(crate) poison: Vec<Poison>,
    pub(crate) disturbances: Vec<Disturbance>,
}

/// One poison message, which must be found among the dead letters and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Poison {
    /// Payload, byte for byte.
    pub(crate) body: Vec<u8>,
    /// The queues that it reaches, such as `payment-queue`.
    pub(crate) queues: Vec<String>,
    /// `true` if the broker has confirmed it. If not, it may be found all the same, but need not.
    pub(crate) published: bool,
}

/// The time in which something did not work because of a fault.
#[derive(Debug, Clone)]
pub(crate) struct Disturbance {
    /// A program, a server, or a routing key.
    pub(crate) of: String,
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
}

impl Expectations {
    /// The faults that were injected since `started`, and the times in which a process was down: most crash windows are no
    /// other fault.
    pub(crate) fn of(faults: &[AppliedFault], processes: &[Process], started: Instant) -> Self {
        let begin = wall_clock(started);
        let mut disturbances: Vec<Disturbance> =
            faults.iter().flat_map(|fault| disturbances_of(fault, begin)).collect();
        for process in processes {
            let starts = process.starts();
            for (index, exit) in process.exits().iter().enumerate() {
                let ready = starts.get(index + 1).and_then(|next| Some(next.at + next.ready_after?));
                disturbances.push(Disturbance {
                    of: program_of(&process.name).to_owned(),
                    from: wall_clock(exit.at),
                    until: wall_clock(ready.unwrap_or_else(Instant::now)),
                });
            }
        }
        Self {
            poison: faults.iter().filter_map(Poison::of).collect(),
            disturbances,
        }
    }
}

/// A refused route also disturbs its service at the beginning, whose connections are closed.
fn disturbances_of(applied: &AppliedFault, begin: DateTime<Utc>) -> Vec<Disturbance> {
    let after = |ms: u64| begin + TimeDelta::milliseconds(i64::try_from(ms).unwrap_or(i64::MAX));
    let (from, until) = (after(applied.at_ms), after(applied.at_ms + applied.took_ms));
    let whole = applied.fault.disturbed().map(|of| Disturbance { of, from, until });
    let closing = match &applied.fault {
        Fault::RefuseRoute((service, _), _) => Some(Disturbance {
            of: (*service).to_owned(),
            from,
            until: from,
        }),
        _ => None,
    };
    whole.into_iter().chain(closing).collect()
}

#[expect(clippy::disallowed_methods, reason = "it stands outside the platform")]
fn wall_clock(at: Instant) -> DateTime<Utc> {
    let ago = TimeDelta::from_std(at.elapsed()).unwrap_or_default();
    Utc::now() - ago
}

impl Disturbance {
    /// Holds for a route that the broker refused.
    pub(crate) fn is_of_route(&self) -> bool {
        self.of.contains('.')
    }
}

impl Poison {
    /// The message that a fault has published.
    fn of(applied: &AppliedFault) -> Option<Self> {
        let Fault::PoisonMessage(routing_key, body) = &applied.fault else {
            return None;
        };
        let queues: &[&str] = match *routing_key {
            "order.placed" => &[
                "notification-queue",
                "inventory-queue",
                "payment-queue",
                "analytics-queue",
            ],
            "order.confirmed" => &["notification-queue", "inventory-queue", "analytics-queue"],
            "payment.completed" => &["order-queue", "analytics-queue"],
            "user.updated" => &["notification-queue", "analytics-queue"],
            _ => &["analytics-queue"],
        };
        Some(Self {
            body: body.as_bytes().to_vec(),
            queues: queues.iter().map(|queue| (*queue).to_owned()).collect(),
            published: applied.effect.is_ok(),
        })
    }
}
