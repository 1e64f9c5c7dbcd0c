//! Orders through the whole platform: how many it brings to their end, what one costs, and how long one takes.

mod cost;
mod load;
mod work;

use crate::report::{Outcome, line};
use cost::Costs;
use load::Load;
use platform_client::{platform::Platform, process, supervisor::Supervisor};
use std::time::{Duration, Instant};
use work::Work;

/// The load of the measurement.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Options {
    /// Time in seconds during which orders are placed as fast as they end.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Products among which the orders are spread; 1 makes it a hot one.
    #[arg(long, default_value_t = 20)]
    products: usize,
    /// Customers who order in turn; each may send 10 requests a second.
    #[arg(long, default_value_t = 100)]
    customers: usize,
}

/// A rate at which the machine is mostly idle, for the time that an order takes.
const CALM_ORDERS_PER_S: u32 = 20;
const CALM: Duration = Duration::from_secs(30);

/// Measures memory at rest, then the time of an order at a calm rate, then the highest rate and its costs.
pub(crate) async fn run(options: Options) -> Outcome<()> {
    let platform = Platform::from_env()?;
    let work = Work::new(&platform.environment)?;
    let supervisor = Supervisor::new(&platform.environment.run_dir()?);
    show_memory(&supervisor).await;
    let load = Load::prepare(&platform, options.customers, options.products).await?;
    work.until_done().await?;

    load.at_rate(CALM_ORDERS_PER_S, CALM).await?;
    work.until_done().await?;
    let (p50_ms, p99_ms) = work.confirmation_ms(CALM).await?;
    line(&format!(
        "placed to confirmed at {CALM_ORDERS_PER_S} orders/s      p50 {p50_ms:.1} ms   p99 {p99_ms:.1} ms"
    ));

    let floor = cost::floor(&platform.environment).await?;
    let before = Costs::now(&platform.environment, &supervisor).await?;
    let started = Instant::now();
    let placed = load
        .as_fast_as_they_end(&work, Duration::from_secs(options.seconds))
        .await?;
    let placed_s = started.elapsed().as_secs_f64();
    let stages = work.until_done().await?;
    let ended_s = started.elapsed().as_secs_f64();
    let after = Costs::now(&platform.environment, &supervisor).await?;
    let (placed, ended) = (f64::from(placed), f64::from(work.ended_of(placed).await?));
    line(&format!(
        "orders accepted                      {:.0}/s",
        placed / placed_s
    ));
    line(&format!(
        "orders brought to their end          {:.0}/s   {:.3} of pgbench's {floor:.0} commits/s of an order with its event",
        ended / ended_s,
        ended / ended_s / floor,
    ));
    for (stage, after) in stages {
        line(&format!(
            "                {stage:<24} {:>6.1} s after the last was accepted",
            after.as_secs_f64()
        ));
    }
    after.show_since(&before, ended);
    Ok(())
}

/// Prints the memory that each program has for itself, before any load.
async fn show_memory(supervisor: &Supervisor) {
    for name in cost::programs() {
        let Some(pid) = supervisor.pid(name).await else {
            continue;
        };
        let mb = process::memory_kb(pid).unwrap_or_default() / 1024;
        line(&format!("memory at rest  {name:<24} {mb:>6} MB"));
    }
}
