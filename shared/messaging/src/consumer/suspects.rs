//! Subjects whose events have lately failed in a batch. Their next events are tried alone, so that they do not fail the next
//! batch as well.

use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

/// Time for which a subject stays suspect after a failure.
const SUSPECT_FOR: Duration = Duration::from_secs(10);
/// Limit of memory. Beyond it the oldest are forgotten, which costs a failed batch.
const SUBJECTS_MAX: usize = 1_000;

/// Suspect subjects, with the time of their last failure.
#[derive(Debug, Default)]
pub(super) struct Suspects(HashMap<Uuid, Instant>);

impl Suspects {
    pub(super) fn insert(&mut self, subject: Uuid) {
        if self.0.len() >= SUBJECTS_MAX {
            self.0.retain(|_, failed_at| failed_at.elapsed() < SUSPECT_FOR / 2);
        }
        if self.0.len() >= SUBJECTS_MAX {
            self.0.clear();
        }
        self.0.insert(subject, Instant::now());
    }

    pub(super) fn contains(&self, subject: Uuid) -> bool {
        self.0
            .get(&subject)
            .is_some_and(|failed_at| failed_at.elapsed() < SUSPECT_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::id;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_subject_is_suspect_for_a_while_and_the_memory_is_bounded() {
        let (mut suspects, subject) = (Suspects::default(), id::new());
        assert!(!suspects.contains(subject));
        suspects.insert(subject);
        assert!(suspects.contains(subject));
        advance(SUSPECT_FOR).await;
        assert!(!suspects.contains(subject));
        for _ in 0..3 * SUBJECTS_MAX {
            suspects.insert(id::new());
        }
        assert!(suspects.0.len() <= SUBJECTS_MAX);
        suspects.insert(subject);
        assert!(suspects.contains(subject));
    }
}
