//! I9: every answer is kept: an accepted request has its effect, a refused one has none.

mod placements;
mod registered;
mod transfers;

use super::verdict::Finding;
use crate::collect::evidence::rows::Evidence;

pub(super) use placements::placements;

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new(
        "I9",
        "every accepted request has its effect, and a refused one has none",
    );
    placements::check(&mut finding, evidence);
    transfers::check(&mut finding, evidence);
    registered::check(&mut finding, evidence);
    finding
}
