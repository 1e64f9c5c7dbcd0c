//! The administrator: manages the catalogue and advances orders.

use crate::{answer::Answer, api::ApiRequest, client::TestClient, error::HarnessError, platform::Platform};
use reqwest::StatusCode;
use serde_json::Value;
use uuid::Uuid;

/// The administrator that `make up` created, logged in.
#[derive(Debug, Clone)]
pub struct Admin {
    /// Client with the administrator's token.
    pub session: TestClient,
}

impl Admin {
    /// Logs in with the address and password of `make env`.
    pub async fn log_in(platform: &Platform) -> Result<Self, HarnessError> {
        let environment = &platform.environment;
        let (email, password) = (environment.get("ADMIN_EMAIL")?, environment.get("ADMIN_PASSWORD")?);
        let session = TestClient::log_in(platform, email, password).await?;
        Ok(Self { session })
    }

    /// Ships (`ship`) or delivers (`deliver`) an order.
    pub async fn advance(&self, order: Uuid, step: &str) -> Result<Answer, HarnessError> {
        self.session.send(&ApiRequest::order_step(order, step)).await
    }

    /// Adds a product to the catalogue and returns its id.
    pub async fn create_product(&self, name: &str, price_minor: i64, stock: i64) -> Result<Uuid, HarnessError> {
        let request = ApiRequest::create_product(name, price_minor, stock);
        let answer = self
            .session
            .send_once(&request)
            .await?
            .expect_status(StatusCode::CREATED)?;
        answer.id().ok_or_else(|| answer.refusal())
    }

    /// Every event that analytics has stored about a subject.
    pub async fn timeline(&self, subject: Uuid) -> Result<Vec<Value>, HarnessError> {
        let path = format!("/api/analytics/timelines/{subject}");
        let answer = self.session.get(&path).await?.expect_status(StatusCode::OK)?;
        Ok(answer.value()["items"].as_array().cloned().unwrap_or_default())
    }
}
