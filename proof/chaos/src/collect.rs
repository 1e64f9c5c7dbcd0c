//! The evidence of a run: rows, logs, mails, the clients' history, resources, and the situations that were reached.

pub(crate) mod coverage;
pub(crate) mod evidence;
pub(crate) mod evidence_query;
pub(crate) mod expectations;
pub(crate) mod quiescence;
pub(crate) mod resources;
