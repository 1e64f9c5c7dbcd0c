//! All SQL of the service. Reads take any executor; writes and locks take the connection of a transaction.

pub mod sessions;
pub mod users;

use crate::domain::Role;

database::text_column!(Role);
