//! The builder of a request.

use crate::{answer::Answer, call::IDEMPOTENCY_HEADER, client::ResilientHttpClient, error::CallError};
use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use kernel::context::Context;
use serde::Serialize;
use std::time::Duration;

/// A request that is being built. [`Self::send`] reports a mistake made while building it.
#[derive(Debug)]
#[must_use = "nothing happens before `send`"]
pub struct RequestBuilder<'a> {
    client: &'a ResilientHttpClient,
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Option<Bytes>,
    context: Option<Context>,
    deadline: Duration,
    mistake: Option<CallError>,
}

impl ResilientHttpClient {
    /// Begins a GET of a path below the base URL.
    pub fn get(&self, path: &str) -> RequestBuilder<'_> {
        self.request(Method::GET, path)
    }

    /// Begins a POST. It is not retried unless it carries an idempotency key.
    pub fn post(&self, path: &str) -> RequestBuilder<'_> {
        self.request(Method::POST, path)
    }

    /// Begins a request with any method.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder<'_> {
        RequestBuilder::new(self, method, path)
    }
}

impl<'a> RequestBuilder<'a> {
    fn new(client: &'a ResilientHttpClient, method: Method, path: &str) -> Self {
        Self {
            client,
            method,
            path: path.to_owned(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
            context: None,
            deadline: client.config.deadline,
            mistake: None,
        }
    }

    /// Sets the context, whose ids are sent along.
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value.as_ref())) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            (Err(error), _) => self.mistake = Some(CallError::Header(error.into())),
            (_, Err(error)) => self.mistake = Some(CallError::Header(error.into())),
        }
        self
    }

    /// Sets the idempotency key, by which the upstream recognises a repetition: the request may be retried, whatever its
    /// method.
    pub fn idempotency_key(self, key: impl AsRef<str>) -> Self {
        self.header(IDEMPOTENCY_HEADER, key)
    }

    /// Adds parameters to the query and percent-encodes them.
    pub fn query<K: AsRef<str>, V: AsRef<str>>(mut self, parameters: &[(K, V)]) -> Self {
        let owned = parameters
            .iter()
            .map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()));
        self.query.extend(owned);
        self
    }

    /// Sets a JSON body.
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => {
                self.headers
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                self.body = Some(bytes.into());
            }
            Err(error) => self.mistake = Some(CallError::Encode(error)),
        }
        self
    }

    /// Sets a deadline for the whole call, in place of the client's.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sends the request, with retries where they are safe and may help. `Ok` is an answer of any status.
    pub async fn send(self) -> Result<Answer, CallError> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let mut url = self.client.config.base_url.at(&self.path)?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut request = reqwest::Request::new(self.method, url);
        *request.headers_mut() = self.headers;
        *request.body_mut() = self.body.map(Into::into);
        let mut extensions = Extensions::new();
        if let Some(context) = self.context {
            extensions.insert(context);
        }

        let mut response = self.client.run(request, extensions, self.deadline).await?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        // The attempt has read the body already.
        let body = response
            .bytes()
            .await
            .map_err(|error| CallError::transport(&self.client.config.name, error))?;
        Ok(Answer { status, headers, body })
    }
}
