//! All that is known at the end of a run, as plain rows.

pub(crate) mod broker;
pub(crate) mod clients;
pub(crate) mod interner;
pub(crate) mod load;
pub(crate) mod rows;
