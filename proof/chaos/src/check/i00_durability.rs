//! I0: a transaction that PostgreSQL reports as committed is on the disk.

use super::verdict::{Finding, require};
use crate::collect::evidence::rows::Evidence;

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I0", "durability of the database: a commit survives a power cut");
    require!(finding, !evidence.settings.is_empty(), "no setting was read");
    for setting in &evidence.settings {
        require!(
            finding,
            setting.value == "on",
            "{}'s database has {} = {}",
            setting.service,
            setting.name,
            setting.value
        );
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::check::sample;

    #[test]
    fn a_database_without_fsync_is_found() {
        let mut evidence = sample::consistent();
        assert_eq!(check(&evidence).violations, 0);
        evidence.settings[0].value = "off".to_owned();
        assert_eq!(check(&evidence).violations, 1);
        evidence.settings.clear();
        assert_eq!(check(&evidence).violations, 1);
    }
}
