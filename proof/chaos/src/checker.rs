//! Says what must be true at the end and is not.
//!
//! It believes nobody: it reads the raw rows of the six databases, the broker's own bindings and queues, the provider's
//! log, the mails that went out and what the clients wrote down, and recomputes from them what must hold. Each invariant
//! is one file and one pure function over the [`Evidence`].

mod deaths;
mod evidence;
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
mod quiescence;
#[cfg(test)]
mod sample;
mod sources;
mod verdict;
mod wishes;

pub use deaths::{Expectations, Poison};
pub use quiescence::{Quiescence, quiesce};
pub use sources::{CheckError, Sources};
pub use verdict::{Finding, Verdict};

use evidence::Evidence;

const INVARIANTS: [fn(&Evidence) -> Finding; 12] = [
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
];

/// Reads everything and judges it. The platform must be at rest: see [`quiesce`].
pub async fn check(sources: &Sources, expectations: &Expectations) -> Result<Verdict, CheckError> {
    let evidence = evidence::load(sources, expectations).await?;
    Ok(judge(&evidence))
}

fn judge(evidence: &Evidence) -> Verdict {
    let findings: Vec<Finding> = INVARIANTS.iter().map(|check| check(evidence)).collect();
    let figures = figures::of(evidence, &findings);
    Verdict { findings, figures }
}
