//! The state that endpoints, event handlers and jobs work with.

use crate::provider::ProviderClient;
use database::Database;

/// Database and payment provider. Cheap to clone; clones share both.
#[derive(Debug, Clone)]
pub struct App {
    pub database: Database,
    pub provider: ProviderClient,
}
