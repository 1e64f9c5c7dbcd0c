//! The state that handlers share.

use database::Database;

#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) database: Database,
}
