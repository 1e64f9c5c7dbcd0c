//! The platform under test and the faults that are done to it.

mod apply;
pub(crate) mod cluster;
mod probe;
pub(crate) mod process;
mod program;
pub(crate) mod servers;
mod wiring;

pub(crate) use apply::{AppliedFault, apply_fault};
pub(crate) use cluster::Cluster;
