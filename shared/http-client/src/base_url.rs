//! The base URL of an upstream, and the URLs below it.

use crate::error::CallError;
use http::uri::{self, Authority, PathAndQuery, Uri};
use reqwest::Url;
use std::{fmt, str::FromStr};

/// A base URL: scheme, host, port and optionally a first part of the path, e.g. `http://127.0.0.1:4001`.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Without a slash at its end.
    text: String,
    authority: Authority,
    /// First part of the path, without a slash at its end.
    below: String,
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
        let refused = || refused(path_and_query);
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

    /// Returns the URI of `path_and_query` below this one, for a client that sends it as it is. What [`Self::at`] would change
    /// is refused all the same, since the upstream may do so.
    pub(super) fn forwarded(&self, path_and_query: &str) -> Result<Uri, CallError> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let is_clean = path.starts_with('/')
            && path.bytes().all(is_plain)
            && query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
            && !path.split('/').any(is_dot_segment);
        let target: Result<PathAndQuery, _> = if self.below.is_empty() {
            path_and_query.parse()
        } else {
            format!("{}{path_and_query}", self.below).parse()
        };
        let uri = target.ok().filter(|_| is_clean).map(|target| {
            let mut parts = uri::Parts::default();
            parts.scheme = Some(uri::Scheme::HTTP);
            parts.authority = Some(self.authority.clone());
            parts.path_and_query = Some(target);
            Uri::from_parts(parts)
        });
        uri.and_then(Result::ok).ok_or_else(|| refused(path_and_query))
    }
}

fn refused(path_and_query: &str) -> CallError {
    CallError::Path {
        path: path_and_query.chars().take(200).collect(),
    }
}

/// Returns true for the characters that a URL parser leaves as they are in a path.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!' | b'$'..=b';' | b'=' | b'@'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~')
}

/// Returns true for `.` and `..`, however they are encoded.
fn is_dot_segment(segment: &str) -> bool {
    segment.len() <= 6 && segment.starts_with(['.', '%']) && {
        let decoded = segment.replace("%2e", ".").replace("%2E", ".");
        decoded == "." || decoded == ".."
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
        let authority = url.authority().parse().map_err(|_| BaseUrlError)?;
        if is_plain {
            Ok(Self {
                text,
                authority,
                below: url.path().trim_end_matches('/').to_owned(),
            })
        } else {
            Err(BaseUrlError)
        }
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
