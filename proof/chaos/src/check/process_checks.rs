//! The checks beside the invariants: exits, resources and coverage of the programs, the clients, and the faults
//! themselves.

use super::verdict::Finding;
use crate::{
    collect::{
        coverage::{self, Coverage, PANICS},
        quiescence::Quiescence,
        resources::{ResourceUsage, grown},
    },
    drive::Summary,
    inject::{
        AppliedFault, Cluster,
        process::{Exit, Process},
    },
};
use platform_client::{poll::poll_until, process::Signal};
use std::{collections::HashMap, time::Duration};

/// Limit, after the last fault, for every order to end and every consumer to be back.
const END_LIMIT: Duration = Duration::from_mins(1);
/// SIGABRT, by which a failpoint ends a process.
pub(crate) const ABORTED: i32 = 6;

/// Makes a finding from examples of what does not hold.
pub(crate) fn finding(id: &'static str, title: &'static str, checked: usize, examples: Vec<String>) -> Finding {
    Finding {
        is_judged: true,
        id,
        title,
        checked: checked as u64,
        violations: examples.len() as u64,
        examples,
    }
}

/// Memory and open files return to their level after the warm-up.
pub(crate) fn resources(baseline: &ResourceUsage, afterwards: &ResourceUsage) -> Finding {
    let title = "memory and open files are back at their level after the warm-up";
    finding("I12", title, afterwards.len(), grown(baseline, afterwards))
}

/// The platform becomes quiescent in time.
pub(crate) fn quiescence(quiescence: &Quiescence, until_quiescent: Duration) -> Finding {
    let title = "every order has ended, and no work is left, within 60 s of the last fault";
    let mut late = quiescence.open.clone();
    if until_quiescent > END_LIMIT {
        late.push(format!("quiescent only after {:.1} s", until_quiescent.as_secs_f64()));
    }
    finding("end", title, 1, late)
}

/// Each queue has the consumers that it had before the first fault. Nothing else would show that one of two instances
/// no longer consumes, since the other does its work.
pub(crate) async fn consumers(cluster: &Cluster, before: &HashMap<String, u64>) -> Finding {
    let title = "every queue has as many consumers as before the first fault, within 60 s of the last";
    let broker = &cluster.servers.broker;
    let are_back = async || broker.consumers().await.is_ok_and(|now| now == *before);
    let missing = match poll_until(END_LIMIT, are_back).await {
        Some(_) => Vec::new(),
        None => vec![format!("{before:?} before, {:?} now", broker.consumers().await)],
    };
    finding("consumers", title, before.len(), missing)
}

/// SIGTERM ends programs properly (`stops` are the improper ones at the end of the run), and they exit in no other way.
/// With `failpoints` they may abort, because a test wants them to.
pub(crate) fn exits(processes: &[Process], mut stops: Vec<String>, failpoints: bool) -> Finding {
    let title = "SIGTERM ends every program with code 0 within 20 s, and none exits by itself";
    for process in processes {
        let wrong = process.exits().into_iter().filter(|exit| !is_proper(exit, failpoints));
        stops.extend(wrong.map(|exit| format!("{} exited: {exit:?}", process.name)));
    }
    finding("stop", title, processes.len(), stops)
}

fn is_proper(exit: &Exit, failpoints: bool) -> bool {
    match (exit.requested, exit.code, exit.signal) {
        (_, _, Some(ABORTED)) => failpoints,
        (Some(Signal::Term), code, _) => code == Some(0),
        (requested, ..) => requested.is_some(),
    }
}

/// No program panicked: a caught panic is a bug too, though it may have done no harm.
pub(crate) fn panics(processes: &[Process], coverage: &Coverage) -> Finding {
    let panics = coverage.get(PANICS).copied().unwrap_or_default();
    let example = (panics > 0).then(|| format!("{panics} panics: see {PANICS} and \"panicked at\" in the logs"));
    let examples = example.into_iter().collect();
    finding("panics", "no program panicked", processes.len(), examples)
}

/// Every dangerous situation was really reached: a run whose faults had no effect proves nothing.
pub(crate) fn coverage(coverage: &Coverage) -> Finding {
    let title = "every dangerous situation was really reached";
    finding("I15", title, coverage.len(), coverage::missing(coverage))
}

/// All requests were answered in the end, and no bad request was accepted.
pub(crate) fn clients(summary: &Summary) -> Finding {
    let title = "every request got the answer that a platform without faults would have given";
    let tally = &summary.tally;
    let mut wrong = Vec::new();
    if let (count, Some(error)) = &summary.failed {
        wrong.push(format!("{count} actions failed, the first because: {error}"));
    }
    if summary.unfinished > 0 {
        wrong.push(format!("{} actions were still in progress", summary.unfinished));
    }
    if tally.orders_accepted == 0 {
        wrong.push("no order was accepted".to_owned());
    }
    let actions = tally.orders_submitted + tally.bad_requests;
    finding("clients", title, usize::try_from(actions).unwrap_or(usize::MAX), wrong)
}

/// The faults were really applied, except `may_fail`: a random fault may meet a process that is down already.
pub(crate) fn faults(faults: &[AppliedFault], may_fail: usize) -> Finding {
    let failed = faults.iter().filter_map(|fault| {
        let why = fault.effect.as_ref().err()?;
        Some(format!("{}: {why}", fault.fault))
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
    use crate::plan::fault::Fault;
    use tokio::time::Instant;

    fn exit(requested: Option<Signal>, code: Option<i32>, signal: Option<i32>) -> Exit {
        Exit {
            at: Instant::now(),
            code,
            signal,
            requested,
        }
    }

    #[test]
    fn a_program_exits_only_on_request() {
        let proper = |requested, code, signal| is_proper(&exit(requested, code, signal), false);
        assert!(proper(Some(Signal::Term), Some(0), None));
        assert!(proper(Some(Signal::Kill), None, Some(9)));
        assert!(!proper(Some(Signal::Term), Some(1), None));
        assert!(!proper(Some(Signal::Term), None, Some(9)));
        assert!(!proper(None, Some(0), None));
        assert!(!proper(None, None, Some(11)));
    }

    #[test]
    fn only_failpoints_may_abort() {
        assert!(is_proper(&exit(None, None, Some(ABORTED)), true));
        assert!(!is_proper(&exit(None, None, Some(ABORTED)), false));
    }

    #[test]
    fn faults_that_were_not_applied_are_found() {
        let fault = |effect| AppliedFault {
            at_ms: 0,
            fault: Fault::RedisFlush,
            took_ms: 0,
            effect,
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
    fn clients_without_their_answer_are_found() {
        let summary = |unfinished, orders_accepted| Summary {
            tally: crate::drive::Tally {
                orders_submitted: 1,
                orders_accepted,
                ..Default::default()
            },
            unfinished,
            failed: (0, None),
        };
        assert!(clients(&summary(0, 1)).holds());
        assert!(!clients(&summary(1, 1)).holds());
        assert!(!clients(&summary(0, 0)).holds());
    }
}
