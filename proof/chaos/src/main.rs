//! The chaos harness: the whole platform with two instances of each service, a fault proxy on every connection, a
//! seeded schedule of faults, clients that record every request and answer, and a checker that afterwards recomputes
//! from raw rows and logs what must hold.
//!
//! A run goes through the modules in this order: [`plan`] decides by the seed, [`drive`] sends the clients' requests,
//! [`inject`] runs the programs and applies the faults, [`collect`] gathers the evidence, [`check`] judges it, and
//! [`report`] prints the verdict. [`storm`], [`drills`] and [`windows`] are the three kinds of run.
//!
//! It shares no code with the services: its knowledge of them is that of any client.

mod check;
mod cli;
mod collect;
mod drills;
mod drive;
mod history;
mod inject;
mod options;
mod plan;
mod races;
mod report;
mod run;
mod storm;
mod windows;

fn main() -> std::process::ExitCode {
    cli::main()
}
