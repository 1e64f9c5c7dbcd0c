//! Benchmarks: each figure beside a floor that is measured in the same run, and their ratio.

mod events;
mod floor;
mod gateway;
mod orders;
mod outbox;
mod queue;
mod relay;
mod report;

use clap::{Parser, Subcommand};
use std::{process::ExitCode, time::Duration};

/// Measures messaging and the gateway against the servers of the tests; build it with --release.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Options {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Debug, Subcommand)]
enum Benchmark {
    /// The relay beside a raw publisher: many subjects, one subject, one event in twenty refused.
    Relay {
        /// Events of one measurement.
        #[arg(long, default_value_t = 20_000)]
        events: u32,
        /// Measurements of each kind, of which the median counts.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
    },
    /// A consumer with one row for each event beside a raw consumer of the same messages.
    Events {
        /// Events of one measurement.
        #[arg(long, default_value_t = 20_000)]
        events: u32,
        /// Measurements of each kind, of which the median counts.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
    },
    /// The time from commit to publishing before and after many events, while a transaction keeps an old snapshot open.
    Snapshot {
        /// Events published while the snapshot is open.
        #[arg(long, default_value_t = 1_000_000)]
        events: u32,
    },
    /// Orders through all services: rate, costs, and the time from placed to confirmed.
    Orders(orders::Options),
    /// The gateway beside nginx as a bare reverse proxy: processor time per request, and latency at 500 requests a second.
    Gateway {
        /// Length of one measurement in seconds.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Measurements of each kind, of which the median counts.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let measured = match options.benchmark {
        Benchmark::Relay { events, rounds } => relay::compare(events, rounds).await,
        Benchmark::Events { events, rounds } => events::compare(events, rounds).await,
        Benchmark::Snapshot { events } => relay::snapshot(events).await,
        Benchmark::Orders(options) => orders::run(options).await,
        Benchmark::Gateway { seconds, rounds } => gateway::compare(Duration::from_secs(seconds), rounds).await,
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::line(&format!("failed: {error}"));
            ExitCode::FAILURE
        }
    }
}
