//! A running platform and the requests to its programs.

use crate::{answer::Answer, description::Service, environment::Environment, error::HarnessError, http};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use std::time::Duration;

/// Longer than any deadline inside the platform.
const REQUEST_LIMIT: Duration = Duration::from_secs(15);

/// A running platform. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Platform {
    /// Addresses and credentials.
    pub environment: Environment,
    /// Base URL of the gateway's public side.
    pub gateway: String,
    pub(crate) http: Client,
}

impl Platform {
    /// Finds the platform whose `make env` this process has been given.
    pub fn from_env() -> Result<Self, HarnessError> {
        let environment = Environment::of_process();
        Ok(Self {
            gateway: environment.get("GATEWAY_URL")?.to_owned(),
            http: http::client(REQUEST_LIMIT, REQUEST_LIMIT)?,
            environment,
        })
    }

    /// A request to the public side of the gateway.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_to(&self.gateway, method, path)
    }

    /// A request to any address.
    pub fn request_to(&self, base: &str, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{base}{path}"))
    }

    /// A service's `/internal/status`.
    pub async fn status(&self, service: &Service) -> Result<Value, HarnessError> {
        let base = self.environment.get(&service.url_variable())?;
        let request = self.request_to(base, Method::GET, "/internal/status");
        Ok(Answer::of(request).await?.value())
    }
}
