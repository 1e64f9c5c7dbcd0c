//! The configuration of this service.

/// The settings of this service alone: none, besides those that `runtime` reads for every service.
///
/// A setting is a field with `#[arg(long, env = "…")]`, whose doc comment `--help` and the README show.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {}
