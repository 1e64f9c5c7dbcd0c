//! I0: what PostgreSQL says is committed is on the disk.

use super::{Finding, evidence::Evidence};

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I0", "durability of the database: a commit survives a power cut");
    finding.expect(!evidence.settings.is_empty(), || "no database was asked".to_owned());
    for setting in &evidence.settings {
        finding.expect(setting.value == "on", || {
            format!(
                "{}'s database has {} = {}",
                setting.service, setting.name, setting.value
            )
        });
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::sample;

    #[test]
    fn a_commit_that_is_not_synced_is_none() {
        let mut evidence = sample::consistent();
        assert_eq!(check(&evidence).violations, 0);
        evidence.settings[0].value = "off".to_owned();
        assert_eq!(check(&evidence).violations, 1);
        evidence.settings.clear();
        assert_eq!(check(&evidence).violations, 1);
    }
}
