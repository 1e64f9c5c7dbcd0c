//! One request: its form on the wire, its record in the history, and the answers that are right.

use crate::{history::Request, plan::catalogue::CatalogueEntry};
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
    fn new(api: ApiRequest, record: impl Into<Option<Request>>) -> Self {
        Self {
            api,
            record: record.into(),
            expected: Expected::Success,
        }
    }

    fn expecting(self, expected: Expected) -> Self {
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

    pub(super) fn register(email: &str, name: &str) -> Self {
        let api = ApiRequest::register(email, name);
        let (email, name) = (email.to_owned(), name.to_owned());
        Self::new(api, Request::Register { email, name })
    }

    pub(super) fn log_in(email: &str, password: &str) -> Self {
        let api = ApiRequest::log_in(email, password);
        let email = email.to_owned();
        Self::new(api, Request::LogIn { email })
    }

    pub(super) fn refresh(refresh_token: &str) -> Self {
        Self::new(ApiRequest::refresh(refresh_token), None)
    }

    pub(super) fn rename(name: String) -> Self {
        Self::new(ApiRequest::rename(&name), Request::Rename { name })
    }

    pub(super) fn create_product(entry: &CatalogueEntry) -> Self {
        let (name, price_minor, stock) = (entry.name.to_owned(), entry.price_minor, entry.stock);
        let api = ApiRequest::create_product(&name, price_minor, stock);
        let record = Request::CreateProduct {
            name,
            price_minor,
            stock,
        };
        Self::new(api, record)
    }

    pub(super) fn place(key: Uuid, items: Vec<Item>, payment_method: &str) -> Self {
        let api = ApiRequest::place_order(Some(key), &items, Some(payment_method));
        let record = Request::Place {
            key,
            items,
            payment_method: payment_method.to_owned(),
        };
        Self::new(api, record)
    }

    /// The same beside a concurrent twin: 409 while the other is in progress.
    pub(super) fn beside_twin(self) -> Self {
        self.expecting(Expected::SuccessOr(409))
    }

    /// The same as a bad request, which must be refused.
    pub(super) fn as_bad_request(self) -> Self {
        self.expecting(Expected::Refusal)
    }

    /// An order without a payment method or without a key, which must be refused.
    pub(super) fn incomplete_place(key: Option<Uuid>, items: &[Item], payment_method: Option<&str>) -> Self {
        Self::new(ApiRequest::place_order(key, items, payment_method), None).as_bad_request()
    }

    pub(super) fn cancel(order: Uuid) -> Self {
        Self::step(order, "cancel", Request::Cancel { order })
    }

    pub(super) fn ship(order: Uuid) -> Self {
        Self::step(order, "ship", Request::Ship { order })
    }

    pub(super) fn deliver(order: Uuid) -> Self {
        Self::step(order, "deliver", Request::Deliver { order })
    }

    fn step(order: Uuid, step: &str, record: Request) -> Self {
        Self::new(ApiRequest::order_step(order, step), record).expecting(Expected::SuccessOr(409))
    }

    /// Reads a resource that exists.
    pub(super) fn read(path: impl Into<String>) -> Self {
        let path = path.into();
        Self::new(ApiRequest::get(path.clone()), Request::Read { path })
    }

    /// Reads the payment of an order. 404 is right too: payment-service learns of an order a little later.
    pub(super) fn read_payment(order: Uuid) -> Self {
        Self::read(format!("/api/payments/{order}")).expecting(Expected::SuccessOr(404))
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
