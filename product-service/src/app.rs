//! The state that handlers share.

use database::Database;

#[derive(Debug, Clone)]
pub struct App {
    /// Catalogue, stock, outbox and inbox.
    pub database: Database,
}
