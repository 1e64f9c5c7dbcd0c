//! The configuration of this service.

/// The settings of this service alone: none, besides those that `runtime` reads for every service.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {}
