//! Builds a request and sends it.

use super::{Answer, CallError, ResilientHttpClient, retry::IDEMPOTENCY_HEADER};
use kernel::context::Context;
use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use serde::Serialize;
use std::time::Duration;

/// A request that is being built. What is wrong with it is told by [`Self::send`].
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

impl<'a> RequestBuilder<'a> {
    pub(super) fn new(client: &'a ResilientHttpClient, method: Method, path: &str) -> Self {
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

    /// The story that the call belongs to; its ids are sent along.
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

    /// Makes repeated requests with this key one request, so that this one may be tried again whatever its method.
    pub fn idempotency_key(self, key: impl AsRef<str>) -> Self {
        self.header(IDEMPOTENCY_HEADER, key)
    }

    /// Adds parameters to the query; they are percent-encoded here.
    pub fn query<K: AsRef<str>, V: AsRef<str>>(mut self, parameters: &[(K, V)]) -> Self {
        let owned = parameters
            .iter()
            .map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()));
        self.query.extend(owned);
        self
    }

    /// Sends this as the JSON body.
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

    /// Another deadline for the whole call than the client's.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sends it, and again where that is safe and may help. `Ok` is an answer of any status.
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
        // The attempt has read it already.
        let body = response
            .bytes()
            .await
            .map_err(|error| CallError::transport(&self.client.config.name, error))?;
        Ok(Answer { status, headers, body })
    }
}
