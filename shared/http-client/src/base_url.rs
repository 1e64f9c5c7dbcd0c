//! The base URL of an upstream, and the URLs below it.

use crate::error::CallError;
use reqwest::Url;
use std::{fmt, str::FromStr};

/// A base URL: scheme, host, port and optionally a first part of the path, e.g. `http://127.0.0.1:4001`.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Without a slash at its end.
    text: String,
}

/// A text that is not a [`BaseUrl`].
#[derive(Debug, thiserror::Error)]
#[error("not a base URL like http://127.0.0.1:4001 (http, no user, no query, no fragment)")]
pub struct BaseUrlError;

impl BaseUrl {
    /// Returns the URL of `path_and_query` below this one.
    ///
    /// The URL parser resolves `..`, `%2e%2e` and `\`, while the router that matched the path did not. So the path must come
    /// out of the parser as it went in, or a client could reach another path than the one it was allowed.
    pub(super) fn at(&self, path_and_query: &str) -> Result<Url, CallError> {
        let refused = || CallError::Path {
            path: path_and_query.chars().take(200).collect(),
        };
        if !path_and_query.starts_with('/') {
            return Err(refused());
        }
        let url = Url::parse(&format!("{}{path_and_query}", self.text)).map_err(|_| refused())?;
        let path_alone = path_and_query
            .split_once('?')
            .map_or(path_and_query, |(path, _query)| path);
        let rest = url
            .as_str()
            .strip_prefix(&*self.text)
            .and_then(|rest| rest.strip_prefix(path_alone));
        let kept = rest.is_some_and(|query| query.is_empty() || query.starts_with('?'));
        if kept && url.fragment().is_none() {
            Ok(url)
        } else {
            Err(refused())
        }
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        let url = Url::parse(text).map_err(|_| BaseUrlError)?;
        let is_plain = url.scheme() == "http"
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let text = url.as_str().trim_end_matches('/').to_owned();
        if is_plain { Ok(Self { text }) } else { Err(BaseUrlError) }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
