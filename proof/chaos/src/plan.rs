//! The decisions of a run, all of them functions of its seed: faults, and the clients' workload.

pub(crate) mod catalogue;
pub(crate) mod fault;
pub(crate) mod faults;
pub(crate) mod workload;
