//! What the harness judges by itself, beside the invariants: how the programs, the clients and the faults ended.

use crate::{
    checker::{Finding, Quiescence},
    fault::Applied,
    platform::{
        Platform,
        process::{End, Process},
        signal::Signal,
    },
    reached::Reached,
    traffic::Summary,
    waiting::until,
};
use std::{collections::HashMap, time::Duration};

/// After the last fault, every order must have ended within this time, and every consumer be back.
const END_LIMIT: Duration = Duration::from_mins(1);
/// SIGABRT, by which a failpoint ends a process.
pub(crate) const ABORTED: i32 = 6;

/// How many consumers each queue has.
pub(crate) type Consumers = HashMap<String, u64>;

/// A finding of the harness's own.
pub(crate) fn finding(id: &'static str, title: &'static str, checked: usize, examples: Vec<String>) -> Finding {
    Finding {
        id,
        title,
        checked: checked as u64,
        violations: examples.len() as u64,
        examples,
    }
}

/// That it all came to rest, and in time.
pub(crate) fn rest(rest: &Quiescence, until_rest: Duration) -> Finding {
    let title = "every order has ended, and nothing moves, within 60 s of the last fault";
    let mut late = rest.open.clone();
    if until_rest > END_LIMIT {
        late.push(format!("at rest only after {:.1} s", until_rest.as_secs_f64()));
    }
    finding("end", title, 1, late)
}

/// That each queue has the consumers that it had before the first fault: a service of which one instance has stopped
/// listening looks well, since the other does its work.
pub(crate) async fn consumers(platform: &Platform, before: &Consumers) -> Finding {
    let title = "every queue has as many consumers as before the first fault, within 60 s of the last";
    let servers = &platform.servers;
    let are_back = || async { servers.consumers().await.is_ok_and(|now| now == *before) };
    let missing = match until(END_LIMIT, are_back).await {
        Some(_) => Vec::new(),
        None => vec![format!("{before:?} before, {:?} now", servers.consumers().await)],
    };
    finding("consumers", title, before.len(), missing)
}

/// That SIGTERM ends programs as it should (`stops` are those at the end of the run that were wrong), and that they did
/// not end otherwise. With `failpoints` they may abort, because a test wants them to.
pub(crate) fn stops(processes: &[Process], mut stops: Vec<String>, failpoints: bool) -> Finding {
    let title = "SIGTERM ends every program with code 0 within 20 s, and none ends by itself";
    for process in processes {
        let wrong = process.ends().into_iter().filter(|end| !is_in_order(end, failpoints));
        stops.extend(wrong.map(|end| format!("{} ended: {end:?}", process.name)));
    }
    finding("stop", title, processes.len(), stops)
}

fn is_in_order(end: &End, failpoints: bool) -> bool {
    match (end.asked, end.code, end.signal) {
        (_, _, Some(ABORTED)) => failpoints,
        (Some(Signal::Term), code, _) => code == Some(0),
        (asked, ..) => asked.is_some(),
    }
}

/// That nobody panicked: a caught panic is a bug too, though it may have done no harm.
pub(crate) fn panics(processes: &[Process], reached: &Reached) -> Finding {
    let panics = reached.get(crate::reached::PANICS).copied().unwrap_or_default();
    let told = (panics > 0).then(|| format!("{panics} panics: look for \"panicked at\" in the logs"));
    finding(
        "panics",
        "no program panicked",
        processes.len(),
        told.into_iter().collect(),
    )
}

/// That all customers were served in the end, and no mistake of theirs was taken for an order.
pub(crate) fn clients(summary: &Summary) -> Finding {
    let title = "every request got the answer that a platform without faults would have given";
    let tally = &summary.tally;
    let mut wrong = Vec::new();
    if let (count, Some(error)) = &summary.broken {
        wrong.push(format!("{count} errands could not go on, the first because: {error}"));
    }
    if summary.unfinished > 0 {
        wrong.push(format!("{} errands were still under way", summary.unfinished));
    }
    if tally.orders_accepted == 0 {
        wrong.push("no order was accepted".to_owned());
    }
    let errands = tally.orders_asked + tally.mistakes_asked;
    finding("clients", title, usize::try_from(errands).unwrap_or(usize::MAX), wrong)
}

/// That the faults were really applied, but for so many: a random fault may meet a process that is down already.
pub(crate) fn faults(faults: &[Applied], may_fail: usize) -> Finding {
    let failed = faults.iter().filter_map(|fault| {
        let why = fault.seen.as_ref().err()?;
        Some(format!("{}: {why}", fault.what))
    });
    let mut failed: Vec<String> = failed.collect();
    if failed.len() <= may_fail {
        failed.clear();
    }
    finding("faults", "the faults were really applied", faults.len(), failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    fn end(asked: Option<Signal>, code: Option<i32>, signal: Option<i32>) -> End {
        End {
            at: Instant::now(),
            code,
            signal,
            asked,
        }
    }

    #[test]
    fn a_program_ends_only_when_it_is_asked_to() {
        let in_order = |asked, code, signal| is_in_order(&end(asked, code, signal), false);
        assert!(in_order(Some(Signal::Term), Some(0), None));
        assert!(in_order(Some(Signal::Kill), None, Some(9)));
        assert!(!in_order(Some(Signal::Term), Some(1), None));
        assert!(!in_order(Some(Signal::Term), None, Some(9)));
        assert!(!in_order(None, Some(0), None));
        assert!(!in_order(None, None, Some(11)));
    }

    #[test]
    fn only_failpoints_may_abort() {
        assert!(is_in_order(&end(None, None, Some(ABORTED)), true));
        assert!(!is_in_order(&end(None, None, Some(ABORTED)), false));
    }

    #[test]
    fn faults_that_were_not_applied_are_told() {
        let fault = |seen| Applied {
            at_ms: 0,
            kind: "kill -9",
            what: "kill -9 gateway-1".to_owned(),
            took_ms: 0,
            seen,
        };
        let all = [
            fault(Ok("signal 9".to_owned())),
            fault(Err("it does not run".to_owned())),
        ];
        assert!(faults(&all, 1).holds());
        assert!(!faults(&all, 0).holds());
        assert!(!faults(&[], 0).holds());
    }

    #[test]
    fn customers_who_were_turned_away_are_told() {
        let served = |unfinished, orders_accepted| Summary {
            tally: crate::traffic::Tally {
                orders_asked: 1,
                orders_accepted,
                ..Default::default()
            },
            unfinished,
            broken: (0, None),
        };
        assert!(clients(&served(0, 1)).holds());
        assert!(!clients(&served(1, 1)).holds());
        assert!(!clients(&served(0, 0)).holds());
    }
}
