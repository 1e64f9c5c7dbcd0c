//! The relay beside a raw publisher into the same queue.

use crate::{
    floor,
    outbox::{BODY_BYTES, EXCHANGE, KEY, Outbox},
    report::{Outcome, line, median, rate},
};
use sqlx::{Connection, PgConnection};
use std::time::Instant;

const ANY_SUBJECT: &str = "gen_random_uuid()";
const ONE_SUBJECT: &str = "'00000000-0000-4000-8000-000000000001'::uuid";
/// Events of one subject: they go out one after the other.
const ONE_SUBJECT_EVENTS: u32 = 3_000;
const ONE_IN_TWENTY: &str = "number % 20 = 0";

/// Measures all kinds in turn, so that each round sees the same machine.
pub(crate) async fn compare(events: u32, rounds: usize) -> Outcome<()> {
    let (mut raw, mut many, mut one, mut refused) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let outbox = Outbox::new().await?;
        let url = outbox.env.rabbitmq_url.clone();
        outbox.purge().await?;
        raw.push(floor::publish(&url, EXCHANGE, KEY, &[b'x'; BODY_BYTES], events).await?);
        many.push(outbox.drain(ANY_SUBJECT, "false", events, events).await?);
        refused.push(
            outbox
                .drain(ANY_SUBJECT, ONE_IN_TWENTY, events, events - events / 20)
                .await?,
        );
        one.push(
            outbox
                .drain(ONE_SUBJECT, "false", ONE_SUBJECT_EVENTS, ONE_SUBJECT_EVENTS)
                .await?,
        );
        outbox.end().await?;
    }
    let (raw, many) = (median(raw), median(many));
    line(&format!(
        "{events} events of {BODY_BYTES} bytes, median of {rounds} rounds; the ratio is to the line above"
    ));
    rate("raw publisher with confirms", raw, raw);
    rate("relay, many subjects", many, raw);
    rate("relay, one event in twenty refused", median(refused), many);
    rate("relay, one subject", median(one), many);
    Ok(())
}

/// Single events whose way is timed, before and after.
const TIMED_EVENTS: u32 = 200;
const BATCH_EVENTS: u32 = 20_000;

/// Times single events before and after many others, while another session keeps the snapshot from before them.
pub(crate) async fn snapshot(events: u32) -> Outcome<()> {
    let outbox = Outbox::new().await?;
    let clean_ms = time_single_events(&outbox).await?;
    let mut stranger = PgConnection::connect(&outbox.env.database_url).await?;
    sqlx::raw_sql("begin isolation level repeatable read; select count(*) from outbox")
        .execute(&mut stranger)
        .await?;
    let started = Instant::now();
    for _ in 0..events / BATCH_EVENTS {
        outbox.insert(ANY_SUBJECT, "false", BATCH_EVENTS).await?;
        outbox.until_empty().await?;
    }
    let per_s = f64::from(events) / started.elapsed().as_secs_f64();
    outbox.purge().await?;
    let beside_ms = time_single_events(&outbox).await?;
    line(&format!(
        "from commit to published: {clean_ms:.2} ms; after {events} events beside an open snapshot: {beside_ms:.2} ms, {:.2} times",
        beside_ms / clean_ms
    ));
    line(&format!("the events beside the snapshot: {per_s:.0}/s"));
    sqlx::raw_sql("rollback").execute(&mut stranger).await?;
    outbox.end().await
}

/// Returns the median time from the commit of a single event until it is recorded as published, in milliseconds.
async fn time_single_events(outbox: &Outbox) -> Outcome<f64> {
    sqlx::raw_sql("truncate published")
        .execute(&mut *outbox.database.acquire().await?)
        .await?;
    for number in 1..=TIMED_EVENTS {
        outbox.insert(ANY_SUBJECT, "false", 1).await?;
        outbox.until_published(number).await?;
    }
    let median_s: f64 = sqlx::query_scalar(
        "select percentile_cont(0.5) within group (order by extract(epoch from published_at - created_at)::float8)
         from published",
    )
    .fetch_one(&mut *outbox.database.acquire().await?)
    .await?;
    Ok(median_s * 1000.0)
}
