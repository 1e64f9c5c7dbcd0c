//! The operator token, which entitles to change state under `/internal`.

use crate::problem::Problem;
use axum::extract::FromRequestParts;
use http::{header::AUTHORIZATION, request::Parts};
use std::{fmt, sync::Arc};

/// The operators' shared secret, put as an `Arc` into the request's extensions. An empty one matches no request.
#[derive(Clone)]
pub struct OperatorToken(String);

/// Proof that the request came with the operator token. Extracting it answers 401 otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Operator;

impl OperatorToken {
    /// Wraps the secret.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// Returns true if `presented` is the secret, in a time that does not depend on how much of it is right.
    pub fn matches(&self, presented: &str) -> bool {
        let (secret, presented) = (self.0.as_bytes(), presented.as_bytes());
        if secret.is_empty() || secret.len() != presented.len() {
            return false;
        }
        let difference = secret
            .iter()
            .zip(presented)
            .fold(0, |sum, (ours, theirs)| std::hint::black_box(sum | (ours ^ theirs)));
        difference == 0
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OperatorToken(…)")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let token = parts.extensions.get::<Arc<OperatorToken>>();
        let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
        let presented = headers
            .next()
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let is_operator = matches!((token, presented), (Some(token), Some(presented)) if token.matches(presented));
        if is_operator && headers.next().is_none() {
            Ok(Self)
        } else {
            Err(Problem::unauthorized(
                "operator-token-required",
                "this needs the operator token as a bearer token",
            ))
        }
    }
}
