//! What orders cost: processor time of each process, commits and write-ahead log of the database.

use crate::report::{Outcome, line};
use platform_client::{description::services, environment::Environment, process, supervisor::Supervisor};
use sqlx::{Connection, PgConnection};
use std::{collections::BTreeMap, iter::once, process::Stdio};
use tokio::process::Command;

/// The platform's own programs: the gateway and the services of `platform.toml`.
pub(crate) fn programs() -> impl Iterator<Item = &'static str> {
    once("gateway").chain(services().iter().map(|service| &*service.name))
}

/// What else takes part in an order.
const OTHERS: [&str; 5] = ["postgres", "rabbitmq", "redis", "sandbox-provider", "mail-catcher"];

/// The counters at one time.
#[derive(Debug)]
pub(crate) struct Costs {
    processor_ms: BTreeMap<&'static str, f64>,
    commits: f64,
    wal_records: f64,
    wal_bytes: f64,
}

impl Costs {
    pub(crate) async fn now(environment: &Environment, supervisor: &Supervisor) -> Outcome<Self> {
        let mut database = PgConnection::connect(environment.get("TEST_POSTGRES_URL")?).await?;
        let (commits, wal_records, wal_bytes) = sqlx::query_as(
            "select (select sum(xact_commit)::float8 from pg_stat_database), wal_records::float8, wal_bytes::float8
             from pg_stat_wal",
        )
        .fetch_one(&mut database)
        .await?;
        let mut processor_ms = BTreeMap::new();
        for name in programs().chain(OTHERS) {
            let pid = supervisor
                .pid(name)
                .await
                .ok_or_else(|| format!("{name} does not run"))?;
            processor_ms.insert(name, process::processor_time(pid).as_secs_f64() * 1000.0);
        }
        Ok(Self {
            processor_ms,
            commits,
            wal_records,
            wal_bytes,
        })
    }

    /// Prints what each of that many orders has cost since `before`.
    pub(crate) fn show_since(&self, before: &Self, orders: f64) {
        let each = self.processor_ms.iter();
        let each: Vec<_> = each
            .map(|(name, ms)| (*name, (ms - before.processor_ms[name]) / orders))
            .collect();
        let total: f64 = each.iter().map(|(_, ms)| ms).sum();
        line(&format!(
            "processor time of an order           {total:.2} ms, all processes"
        ));
        for (name, ms) in each {
            line(&format!("                {name:<24} {ms:>6.3} ms"));
        }
        line(&format!(
            "database, for each order             {:.1} commits, {:.0} WAL records, {:.1} kB of WAL",
            (self.commits - before.commits) / orders,
            (self.wal_records - before.wal_records) / orders,
            (self.wal_bytes - before.wal_bytes) / orders / 1000.0
        ));
    }
}

/// One order with one line, and the event that it causes.
const FLOOR_TABLES: &str = "
    create table if not exists floor_orders (id uuid primary key, user_id uuid not null, status text not null,
        total_minor bigint not null, placed_at timestamptz not null default now());
    create table if not exists floor_lines (order_id uuid, position smallint, product_id uuid, quantity integer,
        primary key (order_id, position));
    create table if not exists floor_outbox (id bigint generated always as identity primary key,
        event_id uuid not null, event_type text not null, subject uuid not null, body bytea not null)";
const FLOOR_TRANSACTION: &str = "
with placed as (
    insert into floor_orders (id, user_id, status, total_minor)
    values (gen_random_uuid(), gen_random_uuid(), 'placed', 500) returning id),
lines as (insert into floor_lines select id, 1, gen_random_uuid(), 1 from placed)
insert into floor_outbox (event_id, event_type, subject, body)
select gen_random_uuid(), 'order.placed', id, convert_to(repeat('x', 600), 'UTF8') from placed;
";

/// Returns the commits per second that pgbench reaches with eight clients when it only stores an order and its event.
pub(crate) async fn floor(environment: &Environment) -> Outcome<f64> {
    let url = environment.get("TEST_POSTGRES_URL")?;
    let mut database = PgConnection::connect(url).await?;
    sqlx::raw_sql(FLOOR_TABLES).execute(&mut database).await?;
    let script = environment.run_dir()?.join("floor.sql");
    tokio::fs::write(&script, FLOOR_TRANSACTION).await?;
    let pgbench = Command::new("pgbench")
        .args([
            "--no-vacuum",
            "--client=8",
            "--jobs=2",
            "--time=10",
            "--protocol=prepared",
        ])
        .arg("--file")
        .arg(&script)
        .arg(url)
        .stderr(Stdio::inherit())
        .output()
        .await?;
    let report = String::from_utf8_lossy(&pgbench.stdout).into_owned();
    let tps = report.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = tps.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    tps.ok_or_else(|| format!("pgbench printed no rate: {report}").into())
}
