//! A customer: registers, logs in, orders, and follows the orders.

use crate::{
    answer::Answer,
    api::{ApiRequest, Item, PASSWORD, Tokens},
    error::HarnessError,
    id,
    order::{Order, TimelineEvent},
    platform::Platform,
    poll::poll,
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

const POLL_INTERVAL: Duration = Duration::from_millis(150);

/// A user with a session.
#[derive(Debug, Clone)]
pub struct TestClient {
    /// E-mail address, new for each customer.
    pub email: String,
    /// Tokens of the session.
    pub tokens: Tokens,
    platform: Platform,
}

impl TestClient {
    /// Registers a new customer and logs in.
    pub async fn register(platform: &Platform, name: &str) -> Result<Self, HarnessError> {
        let email = format!("{}@example.org", id::new());
        let request = ApiRequest::register(&email, name).build(&platform.http, &platform.gateway, None);
        let answer = Answer::patiently(request).await?;
        // 409: an earlier try took effect and its answer got lost.
        if answer.status != StatusCode::CONFLICT {
            answer.expect_status(StatusCode::CREATED)?;
        }
        Self::log_in(platform, &email, PASSWORD).await
    }

    /// Logs in as a registered user.
    pub async fn log_in(platform: &Platform, email: &str, password: &str) -> Result<Self, HarnessError> {
        let request = ApiRequest::log_in(email, password).build(&platform.http, &platform.gateway, None);
        Ok(Self {
            email: email.to_owned(),
            tokens: Tokens::from_answer(Answer::patiently(request).await?)?,
            platform: platform.clone(),
        })
    }

    /// A request through the gateway with this user's token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.platform
            .request(method, path)
            .bearer_auth(&self.tokens.access_token)
    }

    /// Sends a request with this user's token, and again until there is an answer.
    pub async fn send(&self, request: &ApiRequest) -> Result<Answer, HarnessError> {
        Answer::patiently(self.build(request)).await
    }

    /// Sends a request with this user's token once.
    pub async fn send_once(&self, request: &ApiRequest) -> Result<Answer, HarnessError> {
        Ok(Answer::of(self.build(request)).await?)
    }

    fn build(&self, request: &ApiRequest) -> RequestBuilder {
        let Platform { http, gateway, .. } = &self.platform;
        request.build(http, gateway, Some(&self.tokens.access_token))
    }

    /// `GET` through the gateway.
    pub async fn get(&self, path: &str) -> Result<Answer, HarnessError> {
        self.send(&ApiRequest::get(path)).await
    }

    /// `POST` through the gateway, once.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, HarnessError> {
        Ok(Answer::of(self.request(Method::POST, path).json(body)).await?)
    }

    /// Orders one product under a new key, with that key again until there is an answer.
    pub async fn place_order(&self, product: Uuid, quantity: u32, payment_method: &str) -> Result<Order, HarnessError> {
        let items = [Item { product, quantity }];
        let request = ApiRequest::place_order(Some(id::new()), &items, Some(payment_method));
        self.send(&request).await?.expect_status(StatusCode::CREATED)?.json()
    }

    /// Fetches the order as it is now.
    pub async fn fetch_order(&self, order: Uuid) -> Result<Order, HarnessError> {
        let answer = self.get(&format!("/api/orders/{order}")).await?;
        answer.expect_status(StatusCode::OK)?.json()
    }

    /// Cancels an order.
    pub async fn cancel(&self, order: Uuid) -> Result<Answer, HarnessError> {
        self.send(&ApiRequest::order_step(order, "cancel")).await
    }

    /// The order's timeline, oldest event first.
    pub async fn timeline(&self, order: Uuid) -> Result<Vec<TimelineEvent>, HarnessError> {
        let answer = self.get(&format!("/api/orders/{order}/timeline")).await?;
        let items = answer.expect_status(StatusCode::OK)?.value()["items"].take();
        Ok(serde_json::from_value(items)?)
    }

    /// Waits until the order is settled, at most `limit`.
    pub async fn wait_until_settled(&self, order: Uuid, limit: Duration) -> Result<Order, HarnessError> {
        self.wait_for(order, "settled", limit, Order::is_settled).await
    }

    /// Waits until the order has this status, at most `limit`.
    pub async fn wait_for_status(&self, order: Uuid, status: &str, limit: Duration) -> Result<Order, HarnessError> {
        self.wait_for(order, status, limit, |order| order.status == status)
            .await
    }

    async fn wait_for(
        &self,
        order: Uuid,
        state: &str,
        limit: Duration,
        is_reached: impl Fn(&Order) -> bool,
    ) -> Result<Order, HarnessError> {
        let mut last = None;
        let reached = poll(limit, POLL_INTERVAL, async || match self.fetch_order(order).await {
            Ok(seen) if is_reached(&seen) => Some(Ok(seen)),
            Ok(seen) => {
                last = Some(seen);
                None
            }
            Err(error) => Some(Err(error)),
        });
        let reached = reached.await;
        reached.unwrap_or_else(|| {
            let condition = format!("order {order} to be {state}; it is {last:?}");
            Err(HarnessError::Timeout { condition, limit })
        })
    }
}
