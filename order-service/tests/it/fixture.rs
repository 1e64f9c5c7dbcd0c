//! The fixture of the tests: a service with its upstreams, and short ways to use it.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use fault_proxy::Link;
use http::StatusCode;
use http_client::BaseUrl;
use messaging::Envelope;
use order_service::{MIGRATOR, assemble, config::Config};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
};
use testkit::{EventProbe, TestEnv, TestService, eventually};
use uuid::Uuid;
use web::{
    extract::{Path, Query},
    identity::Role,
};

/// user-service and product-service, as far as order-service calls them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upstreams {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    products: BTreeMap<Uuid, Value>,
    unknown_users: HashSet<Uuid>,
    users_unavailable: bool,
    products_unavailable: bool,
    user_calls: Vec<Option<String>>,
}

impl Upstreams {
    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap())
    }

    pub(crate) fn product(&self, price_minor: i64, currency: &str, active: bool) -> Uuid {
        let id = kernel::id::new();
        let product = json!({
            "id": id, "name": "a thing", "description": "", "priceMinor": price_minor, "currency": currency,
            "available": 10, "active": active,
        });
        self.with(|inner| inner.products.insert(id, product));
        id
    }

    pub(crate) fn forget_user(&self, id: Uuid) {
        self.with(|inner| inner.unknown_users.insert(id));
    }

    pub(crate) fn users_unavailable(&self, away: bool) {
        self.with(|inner| inner.users_unavailable = away);
    }

    pub(crate) fn products_unavailable(&self, away: bool) {
        self.with(|inner| inner.products_unavailable = away);
    }

    /// Returns the `X-Identity` of each request for a user.
    pub(crate) fn user_calls(&self) -> Vec<Option<String>> {
        self.with(|inner| inner.user_calls.clone())
    }

    #[expect(clippy::disallowed_methods, reason = "the task ends with the test")]
    pub(crate) async fn serve(&self) -> BaseUrl {
        let router = Router::new()
            .route("/api/users/{id}", get(user))
            .route("/api/products", get(products))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url.parse().unwrap()
    }
}

async fn user(State(all): State<Upstreams>, Path(id): Path<Uuid>, headers: http::HeaderMap) -> Response {
    let identity = headers
        .get("x-identity")
        .map(|value| value.to_str().unwrap().to_owned());
    all.with(|inner| {
        inner.user_calls.push(identity);
        if inner.users_unavailable {
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        } else if inner.unknown_users.contains(&id) {
            StatusCode::NOT_FOUND.into_response()
        } else {
            axum::Json(json!({ "id": id, "email": "x@example.org", "name": "X" })).into_response()
        }
    })
}

async fn products(State(all): State<Upstreams>, Query(query): Query<HashMap<String, String>>) -> Response {
    all.with(|inner| {
        if inner.products_unavailable {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let ids = query["ids"].split(',').map(|id| id.parse::<Uuid>().unwrap());
        let found: Vec<_> = ids.filter_map(|id| inner.products.get(&id)).collect();
        axum::Json(json!({ "items": found, "nextCursor": null })).into_response()
    })
}

/// A running service with its upstreams.
pub(crate) struct Fixture {
    pub(crate) service: TestService,
    pub(crate) upstreams: Upstreams,
    pub(crate) probe: EventProbe,
    /// Product of the default order: 2999 USD.
    pub(crate) product: Uuid,
    pub(crate) config: Config,
    pub(crate) env: TestEnv,
}

/// A placed order, and its owner's identity.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) id: Uuid,
    pub(crate) identity: String,
}

impl Fixture {
    /// Starts a service whose deadlines are far beyond the test.
    pub(crate) async fn new() -> Self {
        Self::with_timing(3600, 3600).await
    }

    pub(crate) async fn with_timing(deadline_s: u64, overdue_s: u64) -> Self {
        let env = TestEnv::new(&["order-queue"]).await;
        let url = env.rabbitmq_url.clone();
        Self::in_env(env, url, deadline_s, overdue_s).await
    }

    /// Starts a service whose way to the broker is a link.
    pub(crate) async fn behind_link(deadline_s: u64) -> (Self, Link) {
        let env = TestEnv::new(&["order-queue"]).await;
        let (link, through) = Link::in_front_of(&env.rabbitmq_url).await.unwrap();
        (Self::in_env(env, through, deadline_s, 3600).await, link)
    }

    /// Starts a service that reaches the broker by this URL.
    pub(crate) async fn in_env(mut env: TestEnv, rabbitmq_url: String, deadline_s: u64, overdue_s: u64) -> Self {
        let upstreams = Upstreams::default();
        let url = upstreams.serve().await;
        let config = Config {
            user_service_url: url.clone(),
            product_service_url: url,
            payment_deadline_s: deadline_s,
            compensation_overdue_s: overdue_s,
            sweep_interval_ms: 50,
        };
        let straight = std::mem::replace(&mut env.rabbitmq_url, rabbitmq_url);
        let service = env.start("order-service", &MIGRATOR, config.clone(), assemble).await;
        env.rabbitmq_url = straight;
        let probe = env.events().await;
        let product = upstreams.product(2999, "USD", true);
        Self {
            service,
            upstreams,
            probe,
            product,
            config,
            env,
        }
    }

    /// Starts one more instance on the same database and broker.
    pub(crate) async fn another_instance(&self) -> TestService {
        self.env
            .start("order-service", &MIGRATOR, self.config.clone(), assemble)
            .await
    }

    pub(crate) fn customer(&self) -> (Uuid, String) {
        let id = kernel::id::new();
        (id, self.env.identity(id, Role::Customer))
    }

    pub(crate) fn admin(&self) -> String {
        self.env.identity(kernel::id::new(), Role::Admin)
    }

    /// Returns a request for two pieces of the default product.
    pub(crate) fn request(&self) -> Value {
        json!({ "items": [{ "productId": self.product, "quantity": 2 }], "paymentMethod": "pm_ok" })
    }

    pub(crate) async fn post_order(&self, identity: &str, key: &str, body: &Value) -> reqwest::Response {
        let request = self
            .service
            .post("/api/orders", identity)
            .header("Idempotency-Key", key)
            .json(body);
        request.send().await.unwrap()
    }

    /// Places an order as a new customer, and waits for its event.
    pub(crate) async fn place(&mut self) -> Placed {
        let (_, identity) = self.customer();
        self.place_as(&identity).await
    }

    pub(crate) async fn place_as(&mut self, identity: &str) -> Placed {
        let placed = self.place_unheard(identity).await;
        self.probe.wait_for("order.placed", placed.id).await;
        placed
    }

    /// Places an order, and does not wait for its event.
    pub(crate) async fn place_unheard(&self, identity: &str) -> Placed {
        let key = kernel::id::new().to_string();
        let answer = self.post_order(identity, &key, &self.request()).await;
        assert_eq!(answer.status(), 201);
        let body: Value = answer.json().await.unwrap();
        Placed {
            id: body["id"].as_str().unwrap().parse().unwrap(),
            identity: identity.to_owned(),
        }
    }

    pub(crate) async fn order(&self, placed: &Placed) -> Value {
        let answer = self
            .service
            .get(&format!("/api/orders/{}", placed.id), &placed.identity)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    pub(crate) async fn act(&self, placed: &Placed, action: &str, identity: &str) -> reqwest::Response {
        self.service
            .post(&format!("/api/orders/{}/{action}", placed.id), identity)
            .send()
            .await
            .unwrap()
    }

    /// Publishes an answer of a participant.
    pub(crate) async fn publish(&self, event_type: &str, order_id: Uuid) -> Envelope {
        let event = participant_event(event_type, order_id);
        self.probe.publish(&event).await;
        event
    }

    /// Waits until an order's field has this value.
    pub(crate) async fn until(&self, placed: &Placed, field: &str, value: &str) -> Value {
        eventually(&format!("{field} of {} to be {value}", placed.id), || async {
            let order = self.order(placed).await;
            (order[field] == value).then_some(order)
        })
        .await
    }

    /// Waits until the events have been consumed, by their inbox rows.
    pub(crate) async fn until_consumed(&self, events: &[&Envelope]) {
        let ids: Vec<Uuid> = events.iter().map(|event| event.metadata.event_id).collect();
        eventually("the events to be consumed", || async {
            let query = sqlx::query_scalar("select count(*) from inbox where event_id = any($1)").bind(&ids);
            let count: i64 = query.fetch_one(&self.service.database).await.unwrap();
            (count == i64::try_from(ids.len()).unwrap()).then_some(())
        })
        .await;
    }

    /// Waits until a message has become a dead letter, and returns the reason.
    pub(crate) async fn dead_letter(&self, event: &Envelope) -> String {
        eventually("the event to become a dead letter", || async {
            let query = sqlx::query_scalar("select reason from dead_letters where event_id = $1");
            query
                .bind(event.metadata.event_id)
                .fetch_optional(&self.service.database)
                .await
                .unwrap()
        })
        .await
    }

    pub(crate) async fn confirmed(&mut self) -> Placed {
        let placed = self.place().await;
        self.publish("payment.completed", placed.id).await;
        self.publish("inventory.reserved", placed.id).await;
        self.probe.wait_for("order.confirmed", placed.id).await;
        placed
    }

    /// Returns the types of all events that this service has written about an order, in their order.
    pub(crate) async fn written(&self, order_id: Uuid) -> Vec<String> {
        let sql = "select event_type from (
                select event_id, event_type from published where subject = $1
                union all select event_id, event_type from outbox where subject = $1) events order by event_id";
        sqlx::query_scalar(sql)
            .bind(order_id)
            .fetch_all(&self.service.database)
            .await
            .unwrap()
    }
}

/// Returns an answer of payment-service or product-service about an order.
pub(crate) fn participant_event(event_type: &str, order_id: Uuid) -> Envelope {
    let source = if event_type.starts_with("payment") {
        "payment-service"
    } else {
        "product-service"
    };
    let data = json!({ "orderId": order_id, "paymentId": kernel::id::new(), "amountMinor": 5998, "currency": "USD",
        "items": [], "reason": "declined" });
    EventProbe::event(source, event_type, order_id, 1, &data)
}

/// Asserts that an answer is a problem of this status with a detail, and returns it.
pub(crate) async fn problem(answer: reqwest::Response, status: u16) -> Value {
    let got = answer.status();
    let media_type = answer
        .headers()
        .get("content-type")
        .map(|value| value.to_str().unwrap().to_owned());
    let text = answer.text().await.unwrap();
    assert_eq!(got, status, "{text}");
    assert_eq!(media_type.as_deref(), Some("application/problem+json"), "{text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["status"], status);
    assert!(!body["detail"].as_str().unwrap().is_empty());
    body
}

pub(crate) fn method(name: &str) -> Method {
    name.parse().unwrap()
}
