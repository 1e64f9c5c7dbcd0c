//! A customer: registers, logs in, orders, and looks at what became of it.

use crate::{
    answer::Answer,
    id,
    order::{Order, Step},
    platform::Platform,
    trouble::Trouble,
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery staple";
const POLL_INTERVAL: Duration = Duration::from_millis(150);

/// A registered customer with an access token.
#[derive(Debug, Clone)]
pub struct Shopper {
    /// Their id.
    pub user_id: Uuid,
    /// Their e-mail address, new for each shopper.
    pub email: String,
    /// Their access token.
    pub token: String,
    /// The token that buys a new access token.
    pub refresh_token: String,
    platform: Platform,
}

impl Shopper {
    /// Registers somebody new and logs them in.
    pub async fn register(platform: &Platform, name: &str) -> Result<Self, Trouble> {
        let email = format!("{}@example.org", id::new());
        let body = json!({ "email": email, "name": name, "password": PASSWORD });
        let request = platform.request(Method::POST, "/api/users").json(&body);
        let answer = Answer::patiently("registering", request).await?;
        // Asked twice because an answer got lost, the second time finds the first.
        if answer.status != StatusCode::CONFLICT {
            answer.expect(StatusCode::CREATED)?;
        }
        Self::log_in(platform, &email, PASSWORD).await
    }

    /// Logs in somebody who is registered.
    pub async fn log_in(platform: &Platform, email: &str, password: &str) -> Result<Self, Trouble> {
        let body = json!({ "email": email, "password": password });
        let request = platform.request(Method::POST, "/api/auth/login").json(&body);
        let grant = Answer::patiently("logging in", request)
            .await?
            .expect(StatusCode::OK)?
            .value();
        let text = |field: &str| grant[field].as_str().unwrap_or_default().to_owned();
        let user_id = grant["user"]["id"]
            .as_str()
            .unwrap_or_default()
            .parse()
            .unwrap_or_default();
        Ok(Self {
            user_id,
            email: email.to_owned(),
            token: text("accessToken"),
            refresh_token: text("refreshToken"),
            platform: platform.clone(),
        })
    }

    /// A request through the gateway with this shopper's token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.platform.request(method, path).bearer_auth(&self.token)
    }

    /// `GET` through the gateway.
    pub async fn get(&self, path: &str) -> Result<Answer, Trouble> {
        Answer::patiently(path, self.request(Method::GET, path)).await
    }

    /// `POST` through the gateway, once.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, Trouble> {
        Answer::of(path, self.request(Method::POST, path).json(body)).await
    }

    /// Orders one product under a new key, asking again with that key until there is an answer.
    pub async fn order(&self, product: &str, quantity: u32, payment_method: &str) -> Result<Order, Trouble> {
        let answer = self
            .place(&id::new().to_string(), product, quantity, payment_method)
            .await?;
        answer.expect(StatusCode::CREATED)?.json()
    }

    /// Orders one product under this key.
    pub async fn place(
        &self,
        key: &str,
        product: &str,
        quantity: u32,
        payment_method: &str,
    ) -> Result<Answer, Trouble> {
        let items = json!([{ "productId": product, "quantity": quantity }]);
        let body = json!({ "items": items, "paymentMethod": payment_method });
        let request = self
            .request(Method::POST, "/api/orders")
            .header("Idempotency-Key", key)
            .json(&body);
        Answer::patiently("placing an order", request).await
    }

    /// The order as it stands.
    pub async fn look_at(&self, order: Uuid) -> Result<Order, Trouble> {
        self.get(&format!("/api/orders/{order}"))
            .await?
            .expect(StatusCode::OK)?
            .json()
    }

    /// Cancels an order.
    pub async fn cancel(&self, order: Uuid) -> Result<Answer, Trouble> {
        let path = format!("/api/orders/{order}/cancel");
        Answer::patiently("cancelling", self.request(Method::POST, &path)).await
    }

    /// The order's journey, oldest first.
    pub async fn timeline(&self, order: Uuid) -> Result<Vec<Step>, Trouble> {
        let answer = self
            .get(&format!("/api/orders/{order}/timeline"))
            .await?
            .expect(StatusCode::OK)?;
        Ok(serde_json::from_value(answer.value()["items"].clone())?)
    }

    /// Waits until the order is settled, at most `limit`.
    pub async fn wait_until_settled(&self, order: Uuid, limit: Duration) -> Result<Order, Trouble> {
        self.wait_for(order, "be settled", limit, Order::is_settled).await
    }

    /// Waits until the order has this status, at most `limit`.
    pub async fn wait_for_status(&self, order: Uuid, status: &str, limit: Duration) -> Result<Order, Trouble> {
        self.wait_for(order, &format!("be {status}"), limit, |order| order.status == status)
            .await
    }

    async fn wait_for(
        &self,
        order: Uuid,
        what: &str,
        limit: Duration,
        is_there: impl Fn(&Order) -> bool,
    ) -> Result<Order, Trouble> {
        let started = Instant::now();
        loop {
            let seen = self.look_at(order).await?;
            if is_there(&seen) {
                return Ok(seen);
            }
            if started.elapsed() > limit {
                let what = format!("order {order} to {what}; it stands at {seen:?}");
                return Err(Trouble::Timeout {
                    what,
                    waited_s: limit.as_secs(),
                });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
