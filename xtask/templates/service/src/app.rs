//! The state that endpoints and event handlers work with.

use database::Database;

/// The service's database. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub struct App {
    pub database: Database,
}
