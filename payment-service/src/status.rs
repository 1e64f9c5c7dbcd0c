//! The section `payments` of `/internal/status`: payments that wait for the provider, so that a stuck one is noticed.

use crate::store::{self, Unsettled};
use database::Database;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct Payments {
    pub unsettled: Vec<Unsettled>,
}

/// Reads the number and age of the payments without a definite outcome.
pub async fn payments(database: Database) -> sqlx::Result<Payments> {
    let unsettled = store::unsettled(&mut *database.acquire().await?).await?;
    Ok(Payments { unsettled })
}
