//! I9: what a client was told is so, and what was refused is not.

mod moved;
mod placed;
mod registered;

use super::{Finding, evidence::Evidence};

pub(super) use placed::placings;

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I9", "what clients were told is so, and what was refused is not");
    placed::check(&mut finding, evidence);
    moved::check(&mut finding, evidence);
    registered::check(&mut finding, evidence);
    finding
}
