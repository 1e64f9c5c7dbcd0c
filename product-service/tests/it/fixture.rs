//! One product-service with its own database and virtual host.

use kernel::id;
use messaging::Envelope;
use product_service::{MIGRATOR, assemble, config::Config};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::{EventProbe, TestEnv, TestService, eventually};
use uuid::{Uuid, uuid};
use web::identity::IDENTITY_HEADER;

/// Seeded with 5000 pieces.
pub(crate) const CUP: Uuid = uuid!("01900000-0000-7000-8000-000000000001");
/// Seeded with 5000 pieces.
pub(crate) const DRIPPER: Uuid = uuid!("01900000-0000-7000-8000-000000000002");
/// Seeded with 1 piece.
pub(crate) const LAST_PIECE: Uuid = uuid!("01900000-0000-7000-8000-000000000011");
/// Seeded with 0 pieces.
pub(crate) const SOLD_OUT: Uuid = uuid!("01900000-0000-7000-8000-000000000012");

/// The service and its surroundings. The fields are dropped in this order: the environment last.
pub(crate) struct Fixture {
    pub(crate) service: TestService,
    pub(crate) probe: EventProbe,
    pub(crate) env: TestEnv,
}

/// The stock of one product.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Stock {
    pub(crate) available: i64,
    pub(crate) reserved: i64,
    pub(crate) sold: i64,
}

pub(crate) const fn stock(available: i64, reserved: i64, sold: i64) -> Stock {
    Stock {
        available,
        reserved,
        sold,
    }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let env = TestEnv::new(&["inventory-queue"]).await;
        let service = start_service(&env).await;
        Self {
            service,
            probe: env.events().await,
            env,
        }
    }

    /// Starts another instance of the service.
    pub(crate) async fn start_second(&self) -> TestService {
        start_service(&self.env).await
    }

    /// `GET`, without an identity.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.service.request(Method::GET, path)
    }

    /// `PATCH /api/products/{id}`, as the bearer of this `X-Identity` token.
    pub(crate) fn patch(&self, product_id: Uuid, identity: &str, body: &Value) -> RequestBuilder {
        let path = format!("/api/products/{product_id}");
        let request = self.service.request(Method::PATCH, &path).json(body);
        request.header(IDENTITY_HEADER, identity)
    }

    /// Publishes `order.placed` for a new order, and returns the order's id.
    pub(crate) async fn place(&self, items: &[(Uuid, i64)]) -> Uuid {
        let order_id = id::new();
        self.probe.publish(&placed(order_id, items)).await;
        order_id
    }

    /// Publishes one of the order's later events.
    pub(crate) async fn publish(&self, event_type: &str, order_id: Uuid) -> Envelope {
        let data = json!({ "orderId": order_id, "userId": id::new(), "status": "any" });
        let event = EventProbe::event("order-service", event_type, order_id, 2, &data);
        self.probe.publish(&event).await;
        event
    }

    pub(crate) async fn state(&self, order_id: Uuid) -> Option<String> {
        sqlx::query_scalar("select state from reservations where order_id = $1")
            .bind(order_id)
            .fetch_optional(&self.service.database)
            .await
            .unwrap()
    }

    /// Waits until the order's reservation is in this state.
    pub(crate) async fn wait_for_state(&self, order_id: Uuid, state: &str) {
        eventually(&format!("{order_id} to be {state}"), || async {
            self.state(order_id).await.filter(|current| current == state)
        })
        .await;
    }

    /// Waits until the service has consumed the event.
    pub(crate) async fn wait_for_inbox(&self, event: &Envelope) {
        eventually(&format!("{} in the inbox", event.event_type), || async {
            sqlx::query_scalar::<_, Uuid>("select event_id from inbox where event_id = $1")
                .bind(event.metadata.event_id)
                .fetch_optional(&self.service.database)
                .await
                .unwrap()
        })
        .await;
    }

    /// Waits until the event is a dead letter, and returns the reason.
    pub(crate) async fn wait_for_dead_letter(&self, event: &Envelope) -> String {
        eventually(&format!("{} among the dead letters", event.event_type), || async {
            sqlx::query_scalar::<_, String>("select reason from dead_letters where event_id = $1")
                .bind(event.metadata.event_id)
                .fetch_optional(&self.service.database)
                .await
                .unwrap()
        })
        .await
    }

    pub(crate) async fn stock(&self, product_id: Uuid) -> Stock {
        sqlx::query_as("select available, reserved, sold from products where id = $1")
            .bind(product_id)
            .fetch_one(&self.service.database)
            .await
            .unwrap()
    }

    /// Returns the types of the events that the service has published about the order, oldest first.
    pub(crate) async fn published(&self, order_id: Uuid) -> Vec<String> {
        eventually("an empty outbox", || async {
            let waiting = sqlx::query_scalar::<_, i64>("select count(*) from outbox");
            (waiting.fetch_one(&self.service.database).await.unwrap() == 0).then_some(())
        })
        .await;
        sqlx::query_scalar("select event_type from published where subject = $1 order by created_at, event_id")
            .bind(order_id)
            .fetch_all(&self.service.database)
            .await
            .unwrap()
    }

    /// Asserts that no piece is lost or duplicated: the products are the sum of the ledger.
    pub(crate) async fn assert_stock_adds_up(&self) {
        let wrong: Vec<Uuid> = sqlx::query_scalar(
            "select products.id from products
             left join (select product_id,
                    coalesce(sum(quantity) filter (where kind in ('initial', 'restock')), 0) as came_in,
                    coalesce(sum(case kind when 'reserve' then quantity when 'sell' then -quantity
                                           when 'release' then -quantity else 0 end), 0) as reserved,
                    coalesce(sum(case kind when 'sell' then quantity when 'return' then -quantity else 0 end), 0) as sold
                from stock_movements group by product_id) as ledger on ledger.product_id = products.id
             where coalesce(came_in, 0) <> initial + restocked
                or coalesce(ledger.reserved, 0) <> products.reserved
                or coalesce(ledger.sold, 0) <> products.sold",
        )
        .fetch_all(&self.service.database)
        .await
        .unwrap();
        assert!(wrong.is_empty(), "the ledger disagrees about {wrong:?}");
    }
}

async fn start_service(env: &TestEnv) -> TestService {
    let config = TestEnv::config::<Config>(&[]);
    env.start("product-service", &MIGRATOR, config, assemble).await
}

/// Returns `order.placed`, with a new event id at each call.
pub(crate) fn placed(order_id: Uuid, items: &[(Uuid, i64)]) -> Envelope {
    let data = json!({
        "orderId": order_id,
        "userId": id::new(),
        "items": items.iter().map(|(product_id, quantity)| {
            json!({ "productId": product_id, "quantity": quantity, "unitPriceMinor": 1290 })
        }).collect::<Vec<_>>(),
        "totalMinor": 1290,
        "currency": "USD",
        "paymentMethod": "pm_ok",
    });
    EventProbe::event("order-service", "order.placed", order_id, 1, &data)
}

/// Returns items in the form of this service's events.
pub(crate) fn lines(items: &[(Uuid, i64)]) -> Value {
    items
        .iter()
        .map(|(product_id, quantity)| json!({ "productId": product_id, "quantity": quantity }))
        .collect()
}
