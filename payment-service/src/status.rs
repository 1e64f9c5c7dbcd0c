//! The section `payments` of `/internal/status`: what waits for the provider, so that a stuck payment is seen.

use crate::{App, store};
use serde_json::{Value, json};

/// Counts and ages of payments whose outcome is not definite yet.
pub async fn unsettled(app: App) -> Value {
    let unsettled = async { store::unsettled(&mut *app.database.acquire().await?).await };
    match unsettled.await {
        Ok(unsettled) => json!({ "unsettled": unsettled }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}
