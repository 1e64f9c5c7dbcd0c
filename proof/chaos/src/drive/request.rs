//! One request: its form on the wire, its record in the history, and the answers that are right.

use crate::history::Request;
use platform_client::{
    answer::Answer,
    api::{ApiRequest, Item},
};
use uuid::Uuid;

/// A request that can be sent any number of times.
#[derive(Debug, Clone)]
pub(super) struct RecordedRequest {
    pub(super) api: ApiRequest,
    /// Record in the history; `None` for requests that the checker does not follow.
    pub(super) record: Option<Request>,
    expected: Expected,
}

/// The answers that a platform without faults may give.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Success,
    SuccessOr(u16),
    Refusal,
}

impl RecordedRequest {
    pub(super) fn log_in(email: &str, password: &str) -> Self {
        let record = Request::LogIn {
            email: email.to_owned(),
        };
        Self {
            record: Some(record),
            ..Self::unrecorded(ApiRequest::log_in(email, password))
        }
    }

    pub(super) fn refresh(refresh_token: &str) -> Self {
        Self::unrecorded(ApiRequest::refresh(refresh_token))
    }

    /// An order without a payment method or without a key, which must be refused.
    pub(super) fn incomplete_order(key: Option<Uuid>, items: &[Item], payment_method: Option<&str>) -> Self {
        Self::unrecorded(ApiRequest::place_order(key, items, payment_method)).expecting_refusal()
    }

    fn unrecorded(api: ApiRequest) -> Self {
        Self {
            api,
            record: None,
            expected: Expected::Success,
        }
    }

    /// The same as a bad request, which must be refused.
    pub(super) fn expecting_refusal(self) -> Self {
        let expected = Expected::Refusal;
        Self { expected, ..self }
    }

    /// The same with another right answer beside success: 409 beside a concurrent twin, 404 for a payment, of which
    /// payment-service learns a little later.
    pub(super) fn expecting_success_or(self, status: u16) -> Self {
        let expected = Expected::SuccessOr(status);
        Self { expected, ..self }
    }

    /// Holds if this status is right for this request: an order that has been shipped cannot be cancelled, and an order of
    /// no pieces must be refused.
    pub(super) fn expects(&self, status: u16) -> bool {
        let success = (200..300).contains(&status);
        match self.expected {
            Expected::Success => success,
            Expected::SuccessOr(refusal) => success || status == refusal,
            Expected::Refusal => matches!(status, 400 | 404 | 422),
        }
    }
}

impl From<Request> for RecordedRequest {
    fn from(record: Request) -> Self {
        let step =
            |order: &Uuid, step| Self::unrecorded(ApiRequest::order_step(*order, step)).expecting_success_or(409);
        let request = match &record {
            Request::Register { email, name } => Self::unrecorded(ApiRequest::register(email, name)),
            Request::LogIn { email } => Self::log_in(email, platform_client::api::PASSWORD),
            Request::Rename { name } => Self::unrecorded(ApiRequest::rename(name)),
            Request::CreateProduct {
                name,
                price_minor,
                stock,
            } => Self::unrecorded(ApiRequest::create_product(name, *price_minor, *stock)),
            Request::Place {
                key,
                items,
                payment_method,
            } => Self::unrecorded(ApiRequest::place_order(Some(*key), items, Some(payment_method))),
            Request::Cancel { order } => step(order, "cancel"),
            Request::Ship { order } => step(order, "ship"),
            Request::Deliver { order } => step(order, "deliver"),
            Request::Read { path } => Self::unrecorded(ApiRequest::get(path)),
        };
        Self {
            record: Some(record),
            ..request
        }
    }
}

/// The outcome of one try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered(Answer),
    /// The request was not sent: no gateway accepted a connection.
    NoConnection,
    /// The request was sent and no answer came, so that its effect is unknown.
    NoAnswer,
}
