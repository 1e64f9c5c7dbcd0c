//! The administrator: manages the catalogue and other people's orders.

use crate::{answer::Answer, platform::Platform, shopper::Shopper, trouble::Trouble};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// The administrator that `make up` made, logged in.
#[derive(Debug, Clone)]
pub struct Admin {
    /// The session.
    pub session: Shopper,
}

impl Admin {
    /// Logs in with the address and password of `make env`.
    pub async fn log_in(platform: &Platform) -> Result<Self, Trouble> {
        let session = Shopper::log_in(platform, &platform.admin_email, &platform.admin_password).await?;
        Ok(Self { session })
    }

    /// Ships (`ship`) or delivers (`deliver`) an order.
    pub async fn advance(&self, order: Uuid, step: &str) -> Result<Answer, Trouble> {
        let path = format!("/api/orders/{order}/{step}");
        Answer::patiently(step, self.session.request(Method::POST, &path)).await
    }

    /// Adds a product to the catalogue and returns its id.
    pub async fn create_product(&self, name: &str, price_minor: i64, stock: i64) -> Result<String, Trouble> {
        let body = json!({ "name": name, "priceMinor": price_minor, "currency": "USD", "stock": stock });
        let product = self
            .session
            .post("/api/products", &body)
            .await?
            .expect(StatusCode::CREATED)?
            .value();
        Ok(product["id"].as_str().unwrap_or_default().to_owned())
    }

    /// Everything that analytics has stored about a subject.
    pub async fn timeline(&self, subject: Uuid) -> Result<Vec<Value>, Trouble> {
        let path = format!("/api/analytics/timelines/{subject}");
        let answer = self.session.get(&path).await?.expect(StatusCode::OK)?;
        Ok(answer.value()["items"].as_array().cloned().unwrap_or_default())
    }
}
