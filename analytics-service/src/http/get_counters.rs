//! `GET /api/analytics/counters?day=YYYY-MM-DD`, for administrators: the number of events of each type, on a day (UTC) or in
//! total.

use crate::{app::App, store, store::HourCount};
use axum::extract::State;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use web::{
    extract::{Json, Query},
    identity::Admin,
    problem::Problem,
};

#[derive(Debug, Deserialize)]
pub(super) struct CountersQuery {
    day: Option<NaiveDate>,
}

#[derive(Debug, Serialize)]
pub(super) struct Counters {
    day: Option<NaiveDate>,
    items: Vec<Item>,
}

#[derive(Debug, Serialize)]
struct Item {
    #[serde(rename = "type")]
    event_type: String,
    count: i64,
    /// Numbers of the 24 hours; absent without a day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hours: Vec<i64>,
}

pub(super) async fn get_counters(
    State(app): State<App>,
    _: Admin,
    Query(query): Query<CountersQuery>,
) -> Result<Json<Counters>, Problem> {
    let mut connection = app.database.acquire().await?;
    let items = match query.day {
        Some(day) => by_type(store::hour_counts(&mut connection, day).await?),
        None => store::totals(&mut connection)
            .await?
            .into_iter()
            .map(Item::from)
            .collect(),
    };
    Ok(Json(Counters { day: query.day, items }))
}

impl From<store::Total> for Item {
    fn from(total: store::Total) -> Self {
        Self {
            event_type: total.event_type,
            count: total.events,
            hours: Vec::new(),
        }
    }
}

/// Groups the counts, which are sorted by type, into one item per type.
fn by_type(counts: Vec<HourCount>) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for count in counts {
        if items.last().is_none_or(|item| item.event_type != count.event_type) {
            items.push(Item {
                event_type: count.event_type,
                count: 0,
                hours: vec![0; 24],
            });
        }
        let item = items.last_mut().expect("one was pushed if there was none");
        item.count += count.events;
        if let Some(hour) = usize::try_from(count.hour)
            .ok()
            .and_then(|hour| item.hours.get_mut(hour))
        {
            *hour += count.events;
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_grouped_by_type() {
        let count = |event_type: &str, hour, events| HourCount {
            event_type: event_type.to_owned(),
            hour,
            events,
        };
        let items = by_type(vec![
            count("a.done", 0, 2),
            count("a.done", 23, 3),
            count("b.done", 5, 1),
        ]);
        assert_eq!(items.len(), 2);
        assert_eq!((items[0].count, items[0].hours[0], items[0].hours[23]), (5, 2, 3));
        assert_eq!((items[1].count, items[1].hours[5], items[1].hours.len()), (1, 1, 24));
    }
}
