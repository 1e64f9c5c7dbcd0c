//! One request, as it goes over the wire and as the history has it, and what comes back.

use super::{TrafficError, wares::Ware};
use crate::history::{Item, Request};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// An id that nobody has used before: an idempotency key, the name of a run.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that may: clients share no code with the services"
)]
pub(super) fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// A request that can be asked any number of times.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) key: Option<Uuid>,
    /// What the history says of it; `None` for what it has no words for.
    pub(super) record: Option<Request>,
    correct: Correct,
}

/// Which answers a platform without faults may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Correct {
    Success,
    SuccessOr(u16),
    Refusal,
}

impl Call {
    fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            key: None,
            record: None,
            correct: Correct::Success,
        }
    }

    fn with(self, body: Value, record: Request) -> Self {
        Self {
            body: Some(body),
            record: Some(record),
            ..self
        }
    }

    /// Whether this status is a right answer to this request: an order that is on its way cannot be cancelled, and
    /// nobody may order nothing.
    pub(super) fn is_answered_well(&self, status: u16) -> bool {
        let success = (200..300).contains(&status);
        match self.correct {
            Correct::Success => success,
            Correct::SuccessOr(refusal) => success || status == refusal,
            Correct::Refusal => matches!(status, 400 | 404 | 422),
        }
    }

    pub(super) fn register(email: &str, name: &str, password: &str) -> Self {
        let body = json!({ "email": email, "name": name, "password": password });
        let (email, name) = (email.to_owned(), name.to_owned());
        Self::new(Method::POST, "/api/users").with(body, Request::Register { email, name })
    }

    pub(super) fn log_in(email: &str, password: &str) -> Self {
        let body = json!({ "email": email, "password": password });
        let email = email.to_owned();
        Self::new(Method::POST, "/api/auth/login").with(body, Request::LogIn { email })
    }

    pub(super) fn refresh(refresh_token: &str) -> Self {
        Self {
            body: Some(json!({ "refreshToken": refresh_token })),
            ..Self::new(Method::POST, "/api/auth/refresh")
        }
    }

    pub(super) fn rename(name: String) -> Self {
        let body = json!({ "name": name });
        Self::new(Method::PATCH, "/api/users/me").with(body, Request::Rename { name })
    }

    pub(super) fn create_product(ware: &Ware) -> Self {
        let (name, price_minor, stock) = (ware.name.to_owned(), ware.price_minor, ware.stock);
        let body = json!({ "name": name, "priceMinor": price_minor, "currency": "USD", "stock": stock });
        let record = Request::CreateProduct {
            name,
            price_minor,
            stock,
        };
        Self::new(Method::POST, "/api/products").with(body, record)
    }

    pub(super) fn place(key: Uuid, items: Vec<Item>, payment_method: &str) -> Self {
        let payment_method = payment_method.to_owned();
        let body = json!({ "items": lines(&items), "paymentMethod": payment_method });
        let record = Request::Place {
            key,
            items,
            payment_method,
        };
        Self {
            key: Some(key),
            ..Self::new(Method::POST, "/api/orders").with(body, record)
        }
    }

    /// The same at the same time as its twin: 409 while the other is at work.
    pub(super) fn beside_its_twin(self) -> Self {
        Self {
            correct: Correct::SuccessOr(409),
            ..self
        }
    }

    /// The same, when it is wrong and has to be refused.
    pub(super) fn mistaken(self) -> Self {
        Self {
            correct: Correct::Refusal,
            ..self
        }
    }

    /// An order without a payment method, or without a key: the history has no words for it.
    pub(super) fn incomplete_place(key: Option<Uuid>, items: &[Item], payment_method: Option<&str>) -> Self {
        let mut body = json!({ "items": lines(items) });
        if let Some(method) = payment_method {
            body["paymentMethod"] = method.into();
        }
        Self {
            body: Some(body),
            key,
            ..Self::new(Method::POST, "/api/orders").mistaken()
        }
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
        Self {
            record: Some(record),
            correct: Correct::SuccessOr(409),
            ..Self::new(Method::POST, format!("/api/orders/{order}/{step}"))
        }
    }

    /// Looks at something that is there.
    pub(super) fn read(path: String) -> Self {
        Self {
            record: Some(Request::Read { path: path.clone() }),
            ..Self::new(Method::GET, path)
        }
    }

    /// Looks at the payment of an order. 404 is right too: payment-service learns of an order a little later.
    pub(super) fn read_payment(order: Uuid) -> Self {
        Self {
            correct: Correct::SuccessOr(404),
            ..Self::read(format!("/api/payments/{order}"))
        }
    }
}

fn lines(items: &[Item]) -> Value {
    items
        .iter()
        .map(|item| json!({ "productId": item.product, "quantity": item.quantity }))
        .collect()
}

/// What became of one try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An answer, whole.
    Answered(Answer),
    /// The request did not leave: no gateway took a connection.
    NoConnection,
    /// The request left and nothing came back, so that nobody knows.
    NoAnswer,
}

/// An answer, read whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON; `null` where it is none.
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The id of what the body describes.
    pub(super) fn id(&self) -> Option<Uuid> {
        self.value()["id"].as_str()?.parse().ok()
    }

    /// This answer as the end of an errand.
    pub(super) fn refusal(&self, what: &str) -> TrafficError {
        TrafficError::Refused {
            what: what.to_owned(),
            status: self.status,
            body: self.body.clone(),
        }
    }
}
