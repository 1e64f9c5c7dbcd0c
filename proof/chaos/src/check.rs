//! The checker: recomputes from the evidence what must hold, and reports what does not.
//!
//! It trusts no summary: its input are the raw rows of the databases, the broker's own bindings and queues, the
//! provider's log, the mails that went out and the clients' history. Each invariant is one file and one pure function
//! over the [`Evidence`].

mod expected_orders;
mod figures;
mod i00_durability;
mod i01_no_event_lost;
mod i02_no_ghost;
mod i03_effect_once;
mod i04_money;
mod i05_stock;
mod i06_saga_ended;
mod i07_notified;
mod i08_counted;
mod i09_answers_kept;
mod i10_order_kept;
mod i11_dead_letters;
mod i13_no_needless_charge;
mod i14_no_needless_wait;
mod i16_refused_routes;
pub(crate) mod process_checks;
#[cfg(test)]
mod sample;
mod verdict;
mod waits;

pub(crate) use verdict::{Finding, Verdict};

use crate::collect::{
    evidence::{load::load, rows::Evidence},
    evidence_query::EvidenceQuery,
    expectations::{Disturbance, Expectations},
};
use platform_client::HarnessError;

const INVARIANTS: [fn(&Evidence) -> Finding; 14] = [
    i00_durability::check,
    i01_no_event_lost::check,
    i02_no_ghost::check,
    i03_effect_once::check,
    i04_money::check,
    i05_stock::check,
    i06_saga_ended::check,
    i07_notified::check,
    i08_counted::check,
    i09_answers_kept::check,
    i10_order_kept::check,
    i11_dead_letters::check,
    i13_no_needless_charge::check,
    i14_no_needless_wait::check,
];

/// Those that judge times, which the machine makes longer as well.
const WAITS: [&str; 2] = ["I14", "I16"];

/// Loads the evidence and judges it; waits only if `judges_waits`. The platform must be quiescent.
pub(crate) async fn check(
    query: &EvidenceQuery,
    expectations: Expectations,
    judges_waits: bool,
) -> Result<Verdict, HarnessError> {
    let mut verdict = judge(&load(query, expectations).await?);
    for finding in verdict
        .findings
        .iter_mut()
        .filter(|finding| WAITS.contains(&finding.id))
    {
        finding.is_judged = judges_waits;
    }
    Ok(verdict)
}

fn judge(evidence: &Evidence) -> Verdict {
    let mut findings: Vec<Finding> = INVARIANTS.iter().map(|check| check(evidence)).collect();
    if evidence.disturbances.iter().any(Disturbance::is_of_route) {
        findings.push(i16_refused_routes::check(evidence));
    }
    let figures = figures::count(evidence, &findings);
    Verdict { findings, figures }
}

#[cfg(test)]
mod tests {
    use super::{judge, sample};

    #[test]
    fn a_consistent_platform_satisfies_every_invariant() {
        let verdict = judge(&sample::consistent());
        assert!(verdict.holds(), "{verdict}");
        assert!(verdict.findings.iter().all(|finding| finding.checked > 0), "{verdict}");
    }

    #[test]
    fn one_violation_breaks_the_verdict() {
        let mut evidence = sample::consistent();
        evidence.mails.clear();
        assert!(!judge(&evidence).holds());
    }
}
