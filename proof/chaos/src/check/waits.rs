//! Waits, and the part of them that faults explain.

use crate::collect::expectations::Disturbance;
use chrono::{DateTime, TimeDelta, Utc};
use std::{collections::HashMap, iter::once};

/// Time that is explained after a fault, beside a time as long as the fault itself, to which the delays of what it made fail
/// have grown. Of the limits that follow one another after it, a crash has the longest: a lease (15 s) that its call held, and the
/// call (4 s).
pub(super) const RECOVERY: TimeDelta = TimeDelta::seconds(20);

/// Start and end.
pub(super) type Period = (DateTime<Utc>, DateTime<Utc>);

/// The times in which a program, server or route did not work, or was recovering.
pub(super) struct Explanations<'a>(HashMap<&'a str, Vec<Period>>);

impl<'a> Explanations<'a> {
    pub(super) fn of(disturbances: &'a [Disturbance]) -> Self {
        let mut explained: HashMap<&str, Vec<Period>> = HashMap::new();
        for Disturbance { of, from, until } in disturbances {
            let recovered = *until + (*until - *from) + RECOVERY;
            explained.entry(of).or_default().push((*from, recovered));
        }
        Self(explained)
    }

    /// The parts of a wait in which nothing that it involves was disturbed.
    pub(super) fn unexplained<'b>(&self, wait: Period, involved: impl IntoIterator<Item = &'b str>) -> Vec<Period> {
        let all = involved.into_iter().filter_map(|name| self.0.get(name)).flatten();
        let mut explained: Vec<Period> = all
            .filter(|(from, until)| *from < wait.1 && *until > wait.0)
            .copied()
            .collect();
        explained.sort_unstable();
        let (mut parts, mut at) = (Vec::new(), wait.0);
        for (from, until) in explained.into_iter().chain(once((wait.1, wait.1))) {
            if from > at {
                parts.push((at, from));
            }
            at = at.max(until);
        }
        parts
    }
}

/// The length of periods together; what several share counts once.
pub(super) fn length_ms(mut periods: Vec<Period>) -> i64 {
    periods.sort_unstable();
    let (mut length, mut at) = (TimeDelta::zero(), DateTime::<Utc>::MIN_UTC);
    for (from, until) in periods {
        length += (until - from.max(at)).max(TimeDelta::zero());
        at = at.max(until);
    }
    length.num_milliseconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_fault_explains_its_time_as_much_again_and_the_recovery_for_what_it_disturbs() {
        let fault = Disturbance {
            of: "postgres".to_owned(),
            from: at(100),
            until: at(110),
        };
        let disturbances = [fault];
        let explanations = Explanations::of(&disturbances);
        let unexplained = |name| explanations.unexplained((at(90), at(150)), [name]);
        assert_eq!(unexplained("postgres"), [(at(90), at(100)), (at(140), at(150))]);
        assert_eq!(unexplained("rabbitmq"), [(at(90), at(150))]);
    }

    #[test]
    fn shared_time_counts_once() {
        let periods = vec![(at(5), at(7)), (at(0), at(3)), (at(1), at(2)), (at(2), at(4))];
        assert_eq!(length_ms(periods), 6000);
    }
}
