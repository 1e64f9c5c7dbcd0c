//! The SQL of the deadline clock. All times are the database's, so no other clock has an influence.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use std::time::Duration;

/// Time after which an outstanding tick is given up and another is sent.
const RESEND_AFTER: Duration = Duration::from_mins(1);

/// The limits of the clock's steps, in proportion to the deadline and at most these: 5 s, 30 s and 10 s.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    /// Longest time that one tick adds.
    max: Duration,
    /// Time between two ticks from which on it counts as an interruption, and adds nothing.
    interruption: Duration,
    /// Time that the clock must run after an interruption before a deadline passes.
    settling: Duration,
    /// Time that is added to each deadline: one step that began before the order, and one for the answers that an instance
    /// holds in its hands while a tick passes them.
    rounding: Duration,
}

impl Steps {
    /// Returns the limits for this deadline.
    pub fn of(deadline: Duration) -> Self {
        let max = (deadline / 5).min(Duration::from_secs(5));
        Self {
            max,
            interruption: 6 * max,
            settling: 2 * max,
            rounding: 2 * max,
        }
    }

    /// Returns the time that a whole deadline takes on the clock.
    pub fn rounded_up(self, deadline: Duration) -> Duration {
        deadline + self.rounding
    }
}

/// Numbers the next tick, if orders are open and none is under way; an outstanding one is given up after a minute.
pub async fn next_tick(db: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "update deadline_clock set sent = sent + 1, sent_at = now(),
            outstanding_since = case when sent = returned then now() else outstanding_since end
         where (sent = returned or sent_at <= now() - make_interval(secs => $1))
            and exists (select 1 from orders where status in ('placed', 'payment_received'))
         returning sent",
        RESEND_AFTER.as_secs_f64(),
    )
    .fetch_optional(db)
    .await
}

/// What a returned tick has done to the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Advanced {
    /// Time in seconds for which a tick was under way, this one or one before it.
    pub under_way_s: f64,
    /// True if that was an interruption.
    pub interrupted: bool,
}

/// Advances the clock by a tick that has returned. `None` if it is not the newest, or had returned before.
pub async fn advance(db: &mut PgConnection, tick: i64, steps: Steps) -> Result<Option<Advanced>, sqlx::Error> {
    sqlx::query_as!(
        Advanced,
        r#"update deadline_clock set returned = sent, counted_to = sent_at,
            elapsed_ms = elapsed_ms + case when sent_at - counted_to > make_interval(secs => $3) then 0
                else (extract(epoch from greatest(least(sent_at - counted_to, make_interval(secs => $2)),
                                                  interval '0')) * 1000)::bigint end,
            settled_at_ms = case when sent_at - counted_to > make_interval(secs => $3)
                then elapsed_ms + ($4::float8 * 1000)::bigint else settled_at_ms end
         where sent = $1 and returned < $1
         returning extract(epoch from clock_timestamp() - outstanding_since)::float8 as "under_way_s!",
            clock_timestamp() - outstanding_since > make_interval(secs => $3) as "interrupted!""#,
        tick,
        steps.max.as_secs_f64(),
        steps.interruption.as_secs_f64(),
        steps.settling.as_secs_f64(),
    )
    .fetch_optional(db)
    .await
}

/// The state of the deadline clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockState {
    /// Ticks return.
    Running,
    /// No order is open.
    Idle,
    /// A tick has not returned, or none is sent: no deadline passes.
    Standing,
}

/// The deadline clock, for the status page.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockReport {
    /// Running, idle or standing.
    pub state: ClockState,
    /// Time in seconds that it has counted.
    pub elapsed_s: f64,
    /// Time in seconds since the tick before, or the oldest open order, while orders are open; 0 otherwise.
    pub tick_age_s: f64,
    /// Time since which it stands still.
    pub standing_since: Option<DateTime<Utc>>,
    /// The reason why it stands still.
    pub reason: Option<&'static str>,
}

/// Reads the deadline clock.
pub async fn report(db: impl PgExecutor<'_>, steps: Steps) -> Result<ClockReport, sqlx::Error> {
    let row = sqlx::query!(
        r#"select elapsed_ms as "elapsed_ms!", is_outstanding as "is_outstanding!", has_open_orders as "has_open_orders!",
            since as "since!", extract(epoch from now() - since)::float8 as "age_s!", since <= now() - make_interval(secs => $1) as "is_overdue!"
         from (select elapsed_ms, sent > returned as is_outstanding, oldest is not null as has_open_orders,
                greatest(oldest, case when sent > returned then outstanding_since else sent_at end) as since
               from deadline_clock left join lateral
                (select placed_at as oldest from orders where status in ('placed', 'payment_received')
                 order by placed_at limit 1) as open on true) as clock"#,
        steps.max.as_secs_f64(),
    )
    .fetch_one(db)
    .await?;
    let state = match (row.has_open_orders, row.is_overdue) {
        (false, _) => ClockState::Idle,
        (true, false) => ClockState::Running,
        (true, true) => ClockState::Standing,
    };
    let reason = if row.is_outstanding {
        "a tick has not returned: it waits in the outbox, in the queue or with a consumer"
    } else {
        "no tick is sent: no instance sweeps"
    };
    let stands = state == ClockState::Standing;
    Ok(ClockReport {
        state,
        elapsed_s: Duration::from_millis(row.elapsed_ms.unsigned_abs()).as_secs_f64(),
        tick_age_s: if row.has_open_orders { row.age_s.max(0.0) } else { 0.0 },
        standing_since: stands.then_some(row.since),
        reason: stands.then_some(reason),
    })
}
