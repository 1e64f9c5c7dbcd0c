//! The requests of the public API, as they go over the wire.

use crate::{answer::Answer, error::HarnessError};
use reqwest::{Client, Method, RequestBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// A password that the platform accepts.
pub const PASSWORD: &str = "correct horse battery staple";

/// A request that may be sent any number of times.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    /// Method of HTTP/1.1.
    pub method: Method,
    /// Path below the gateway's address.
    pub path: String,
    /// Body, sent as JSON.
    pub body: Option<Value>,
    /// Idempotency key.
    pub key: Option<Uuid>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Id of the product.
    pub product: Uuid,
    /// Number of pieces.
    pub quantity: u32,
}

impl ApiRequest {
    fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Self {
            method,
            path: path.into(),
            body,
            key: None,
        }
    }

    /// `POST /api/users`
    pub fn register(email: &str, name: &str) -> Self {
        let body = json!({ "email": email, "name": name, "password": PASSWORD });
        Self::new(Method::POST, "/api/users", Some(body))
    }

    /// `POST /api/auth/login`
    pub fn log_in(email: &str, password: &str) -> Self {
        let body = json!({ "email": email, "password": password });
        Self::new(Method::POST, "/api/auth/login", Some(body))
    }

    /// `POST /api/auth/refresh`
    pub fn refresh(refresh_token: &str) -> Self {
        let body = json!({ "refreshToken": refresh_token });
        Self::new(Method::POST, "/api/auth/refresh", Some(body))
    }

    /// `PATCH /api/users/me`
    pub fn rename(name: &str) -> Self {
        Self::new(Method::PATCH, "/api/users/me", Some(json!({ "name": name })))
    }

    /// `POST /api/products`, for administrators.
    pub fn create_product(name: &str, price_minor: i64, stock: i64) -> Self {
        let body = json!({ "name": name, "priceMinor": price_minor, "currency": "USD", "stock": stock });
        Self::new(Method::POST, "/api/products", Some(body))
    }

    /// `POST /api/orders`. Leaving out the key or the payment method makes a bad request.
    pub fn place_order(key: Option<Uuid>, items: &[Item], payment_method: Option<&str>) -> Self {
        let line = |item: &Item| json!({ "productId": item.product, "quantity": item.quantity });
        let mut body = json!({ "items": items.iter().map(line).collect::<Value>() });
        if let Some(method) = payment_method {
            body["paymentMethod"] = method.into();
        }
        let request = Self::new(Method::POST, "/api/orders", Some(body));
        Self { key, ..request }
    }

    /// `POST /api/orders/{id}/{step}`: `cancel` for the owner, `ship` and `deliver` for administrators.
    pub fn order_step(order: Uuid, step: &str) -> Self {
        Self::new(Method::POST, format!("/api/orders/{order}/{step}"), None)
    }

    /// `GET` of a path.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, None)
    }

    /// Builds the request to this gateway.
    pub fn build(&self, http: &Client, gateway: &str, token: Option<&str>) -> RequestBuilder {
        let mut request = http.request(self.method.clone(), format!("{gateway}{}", self.path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = self.key {
            request = request.header("Idempotency-Key", key.to_string());
        }
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        request
    }
}

/// The tokens of a session, as login and refresh return them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// Bearer token of requests.
    pub access_token: String,
    /// Buys the next tokens, once.
    pub refresh_token: String,
    /// The user who has logged in.
    pub user: TokenUser,
    expires_in_s: u64,
}

/// The user of a session.
#[derive(Debug, Clone, Deserialize)]
pub struct TokenUser {
    /// Id of the user.
    pub id: Uuid,
}

impl Tokens {
    /// Reads the answer to a login or refresh.
    pub fn from_answer(answer: Answer) -> Result<Self, HarnessError> {
        if answer.status.is_success() {
            answer.json()
        } else {
            Err(answer.refusal())
        }
    }

    /// The lifetime of the access token.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.expires_in_s)
    }
}
