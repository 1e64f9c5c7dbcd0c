//! The options of a run.

use platform_client::environment::Environment;
use std::{path::PathBuf, time::Duration};

#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// `storm`, `drills` or `windows`.
    pub(crate) name: &'static str,
    /// The command that repeats the run.
    pub(crate) command: String,
    pub(crate) seed: u64,
    pub(crate) orders_per_s: f64,
    /// Time before the first fault.
    pub(crate) warm_up: Duration,
    /// Limit for the platform to become quiescent. Longer than it may take, so that the report has the real figure.
    pub(crate) quiescence_limit: Duration,
    /// Folder of this run's files.
    pub(crate) folder: PathBuf,
    /// Folder in which failpoints are armed, for builds that have them.
    pub(crate) failpoints: Option<PathBuf>,
    /// Whether the times that orders and events wait are part of the verdict.
    pub(crate) judges_waits: bool,
    pub(crate) environment: Environment,
}
