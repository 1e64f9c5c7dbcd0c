//! Counters of events, and the days of their retention.

use chrono::{DateTime, Days, NaiveDate, Timelike, Utc};
use std::{collections::BTreeMap, num::NonZeroU16};

/// Days after today that have a partition already: a failure to create partitions has no effect for a week.
const DAYS_AHEAD: u64 = 7;

/// The key of one counter. All writers lock the counters in the order of their keys, so that they cannot deadlock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Counter {
    pub(crate) day: NaiveDate,
    pub(crate) hour: i16,
    pub(crate) event_type: String,
}

/// Counts events by type and the hour in which they happened.
pub(crate) fn count<'a>(events: impl IntoIterator<Item = (DateTime<Utc>, &'a str)>) -> BTreeMap<Counter, i64> {
    let mut counts = BTreeMap::new();
    for (at, event_type) in events {
        let hour = i16::try_from(at.hour()).expect("an hour is below 24");
        let counter = Counter {
            day: at.date_naive(),
            hour,
            event_type: event_type.to_owned(),
        };
        *counts.entry(counter).or_default() += 1;
    }
    counts
}

/// Returns the days that need a partition.
pub(crate) fn days_ahead(today: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    today
        .iter_days()
        .take(1 + usize::try_from(DAYS_AHEAD).expect("a week is small"))
}

/// Returns the first day whose events are kept.
pub(crate) fn first_kept(today: NaiveDate, retention_days: NonZeroU16) -> NaiveDate {
    today
        .checked_sub_days(Days::new(retention_days.get().into()))
        .unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_by_type_and_hour_in_key_order() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let counts = count([
            (at("2026-03-01T00:10:00Z"), "b.happened"),
            (at("2026-02-28T23:59:59.999Z"), "b.happened"),
            (at("2026-03-01T00:59:59Z"), "b.happened"),
            (at("2026-03-01T00:00:00Z"), "a.happened"),
        ]);
        let shown: Vec<_> = counts
            .iter()
            .map(|(key, count)| format!("{} {} {} {count}", key.day, key.hour, key.event_type))
            .collect();
        assert_eq!(
            shown,
            [
                "2026-02-28 23 b.happened 1",
                "2026-03-01 0 a.happened 1",
                "2026-03-01 0 b.happened 2"
            ]
        );
    }

    #[test]
    fn retention_is_in_whole_days_and_partitions_reach_a_week_ahead() {
        let today = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        let kept = first_kept(today, NonZeroU16::new(2).unwrap());
        assert_eq!(kept.to_string(), "2026-02-28");
        let ahead: Vec<_> = days_ahead(today).collect();
        assert_eq!(
            (ahead.len(), ahead[0], ahead[7].to_string()),
            (8, today, "2026-03-09".to_owned())
        );
    }
}
