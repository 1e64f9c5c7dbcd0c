//! A small client of RabbitMQ's management API.
//!
//! It uses `reqwest` without a circuit breaker, bulkhead or retries: an operator's command either reaches the broker or
//! ends with an error that names it.

use crate::error::Error;
use reqwest::{Method, Response, StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::{Duration, Instant};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(250);
const OLDEST_VERSION: (u32, u32) = (3, 10);

/// A modifying request, with its path below `/api`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: Vec<String>,
    pub(crate) body: Option<Value>,
}

impl Request {
    pub(crate) fn put(path: &[&str], body: Value) -> Self {
        Self {
            method: Method::PUT,
            path: to_owned_path(path),
            body: Some(body),
        }
    }

    pub(crate) fn post(path: &[&str], body: Value) -> Self {
        Self {
            method: Method::POST,
            path: to_owned_path(path),
            body: Some(body),
        }
    }

    pub(crate) fn delete(path: &[&str]) -> Self {
        Self {
            method: Method::DELETE,
            path: to_owned_path(path),
            body: None,
        }
    }
}

fn to_owned_path(path: &[&str]) -> Vec<String> {
    path.iter().map(|&segment| segment.to_owned()).collect()
}

#[derive(Debug, Clone)]
pub(crate) struct Management {
    client: reqwest::Client,
    address: Url,
}

impl Management {
    /// Creates a client; `address` contains the operator's credentials.
    #[expect(
        clippy::disallowed_methods,
        reason = "an operators' tool: no circuit breaker between it and the broker"
    )]
    pub(crate) fn new(address: &str) -> Result<Self, Error> {
        let unusable = || Error::Address(without_credentials(address));
        let address = Url::parse(address).map_err(|_| unusable())?;
        if address.scheme() != "http" || !address.has_host() {
            return Err(unusable());
        }
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .build();
        Ok(Self {
            client: client.map_err(|_| unusable())?,
            address,
        })
    }

    /// Polls until the broker answers. Fails at once if the broker is too old.
    pub(crate) async fn wait_until_ready(&self, limit: Duration) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            let last = match self.check_version().await {
                Err(error @ (Error::Unreachable { .. } | Error::Refused { status: 500.., .. })) => error,
                outcome => return outcome,
            };
            if started.elapsed() >= limit {
                return Err(Error::NotReady {
                    waited: limit,
                    last: last.to_string(),
                });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    pub(crate) async fn check_version(&self) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Overview {
            rabbitmq_version: String,
        }
        let Overview { rabbitmq_version } = self.get(&["overview"]).await?;
        if is_too_old(&rabbitmq_version) {
            Err(Error::TooOld(rabbitmq_version))
        } else {
            Ok(())
        }
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Error> {
        let response = self.request(&Method::GET, path, None).await?;
        Self::read(&describe(&Method::GET, path), response).await
    }

    /// Works like [`Self::get`], but returns `None` if the object does not exist.
    pub(crate) async fn find<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>, Error> {
        match self.get(path).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a modifying request. Deleting an object that does not exist succeeds.
    pub(crate) async fn send(&self, request: &Request) -> Result<(), Error> {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        match self.request(&request.method, &path, request.body.as_ref()).await {
            Err(Error::Refused { status: 404, .. }) if request.method == Method::DELETE => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    async fn request(&self, method: &Method, path: &[&str], body: Option<&Value>) -> Result<Response, Error> {
        let mut url = self.address.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        let mut request = self.client.request(method.clone(), url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let reason = refusal_reason(status, &response.text().await.unwrap_or_default());
        Err(Error::Refused {
            request: describe(method, path),
            status: status.as_u16(),
            reason,
        })
    }

    async fn read<T: DeserializeOwned>(request: &str, response: Response) -> Result<T, Error> {
        let unexpected = |reason: String| Error::UnexpectedResponse {
            request: request.to_owned(),
            reason: reason.replace('\n', " "),
        };
        let body = response.bytes().await.map_err(|error| unexpected(error.to_string()))?;
        serde_json::from_slice(&body).map_err(|error| unexpected(error.to_string()))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        let mut reason = if error.is_timeout() {
            "no response in time".to_owned()
        } else {
            String::new()
        };
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            reason = cause.to_string();
            source = cause.source();
        }
        Error::Unreachable {
            address: without_credentials(self.address.as_str()),
            reason,
        }
    }
}

fn describe(method: &Method, path: &[&str]) -> String {
    format!("{method} /api/{}", path.join("/"))
}

/// Extracts the broker's explanation: `reason` where there is one; without permission the body has only `error`.
fn refusal_reason(status: StatusCode, body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let reason = body["reason"]
        .as_str()
        .or(body["error"].as_str())
        .unwrap_or("no reason given")
        .replace('\n', " ");
    if status == StatusCode::UNAUTHORIZED {
        return format!("{reason} (the operator needs the tag administrator and the right password)");
    }
    reason
}

fn is_too_old(version: &str) -> bool {
    let mut numbers = version
        .split(['.', '-', '+'])
        .map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST_VERSION
}

/// Strips the credentials from an address before it is printed.
pub(crate) fn without_credentials(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host)),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Management, is_too_old, without_credentials};

    #[test]
    fn versions_are_compared_numerically() {
        for version in ["3.9.29", "3.8.0", "2.99.0", "nonsense"] {
            assert!(is_too_old(version), "{version}");
        }
        for version in ["3.10.0", "3.10.8", "3.13.7", "4.0.1", "4.1.0-rc.1", "10.0.0"] {
            assert!(!is_too_old(version), "{version}");
        }
    }

    #[test]
    fn credentials_do_not_appear_in_errors() {
        assert_eq!(without_credentials("http://operator:s%40@host:1/"), "http://host:1/");
        assert_eq!(without_credentials("http://host:1"), "http://host:1");
        let error = Management::new("https://operator:hidden@host:1").unwrap_err();
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
}
