//! One payment-service with its own database, virtual host and provider process.

use crate::provider_process::ProviderProcess;
use kernel::id;
use messaging::Envelope;
use payment_service::{MIGRATOR, assemble, config::Config};
use serde_json::{Value, json};
use testkit::{EventProbe, TestEnv, TestService, eventually};
use uuid::Uuid;

const PROVIDER_TIMEOUT_MS: &str = "700";

/// The service under test and its surroundings. The fields are dropped in this order.
pub(crate) struct Fixture {
    pub(crate) service: TestService,
    pub(crate) provider: ProviderProcess,
    pub(crate) probe: EventProbe,
    pub(crate) env: TestEnv,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let env = TestEnv::new(&["payment-queue"]).await;
        let provider = ProviderProcess::start();
        let service = start_service(&env, &provider).await;
        Self {
            service,
            provider,
            probe: env.events().await,
            env,
        }
    }

    /// Starts a second instance of the service.
    pub(crate) async fn second_instance(&self) -> TestService {
        start_service(&self.env, &self.provider).await
    }

    /// Publishes `order.placed` for a new order over 59.98 USD; returns its id.
    pub(crate) async fn place_order(&self, payment_method: &str) -> Uuid {
        let order_id = id::new();
        self.probe.publish(&order_placed(order_id, payment_method)).await;
        order_id
    }

    /// Publishes one of the order's later events.
    pub(crate) async fn publish(&self, event_type: &str, order_id: Uuid) -> Envelope {
        let data = json!({ "orderId": order_id, "userId": owner_of(order_id), "status": "failed", "reason": "test" });
        let event = EventProbe::event("order-service", event_type, order_id, 2, &data);
        self.probe.publish(&event).await;
        event
    }

    /// Publishes an event, and waits until the service has consumed it.
    pub(crate) async fn deliver(&self, event: &Envelope) {
        self.probe.publish(event).await;
        self.wait_for_inbox(event).await;
    }

    /// Waits for an event of the service about the order.
    pub(crate) async fn wait_for(&mut self, event_type: &str, order_id: Uuid) -> Envelope {
        self.probe.wait_for(event_type, order_id).await
    }

    /// Returns the state of the order's payment; `None` if it has none.
    pub(crate) async fn state(&self, order_id: Uuid) -> Option<String> {
        sqlx::query_scalar("select state from payments where order_id = $1")
            .bind(order_id)
            .fetch_optional(&self.service.database)
            .await
            .unwrap()
    }

    /// Waits until the order's payment is in the state.
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

    /// Waits until a charge or refund of the order was sent without a definite outcome.
    pub(crate) async fn wait_for_unknown_outcome(&self, order_id: Uuid) {
        let sent = "select id from intents where subject = $1 and failures > 0";
        self.wait_for_job(order_id, sent).await;
    }

    /// Waits until a charge or refund of the order could not be sent.
    pub(crate) async fn wait_for_unsent(&self, order_id: Uuid) {
        let unsent = "select id from intents where subject = $1 and attempts = 0 and last_error is not null";
        self.wait_for_job(order_id, unsent).await;
    }

    /// Waits until the provider's log has this many entries about the order.
    pub(crate) async fn wait_for_entries(&self, order_id: Uuid, count: usize) {
        eventually("an entry of the provider", || async {
            (self.provider.log_of(order_id).len() == count).then_some(())
        })
        .await;
    }

    async fn wait_for_job(&self, order_id: Uuid, statement: &'static str) {
        eventually(statement, || async {
            sqlx::query_scalar::<_, Uuid>(statement)
                .bind(order_id)
                .fetch_optional(&self.service.database)
                .await
                .unwrap()
        })
        .await;
    }

    /// Returns the types of the events that the service has published about the order, oldest first.
    pub(crate) async fn published(&self, order_id: Uuid) -> Vec<String> {
        eventually("an empty outbox", || async {
            let waiting: i64 = sqlx::query_scalar("select count(*) from outbox")
                .fetch_one(&self.service.database)
                .await
                .unwrap();
            (waiting == 0).then_some(())
        })
        .await;
        sqlx::query_scalar("select event_type from published where subject = $1 order by created_at, event_id")
            .bind(order_id)
            .fetch_all(&self.service.database)
            .await
            .unwrap()
    }

    pub(crate) async fn dead_letters(&self) -> i64 {
        sqlx::query_scalar("select count(*) from dead_letters")
            .fetch_one(&self.service.database)
            .await
            .unwrap()
    }

    /// Returns `GET /api/payments/{orderId}` as the bearer of this identity sees it.
    pub(crate) async fn payment(&self, order_id: Uuid, identity: &str) -> Value {
        let path = format!("/api/payments/{order_id}");
        let answer = self.service.get(&path, identity).send().await.unwrap();
        answer.json().await.unwrap()
    }
}

async fn start_service(env: &TestEnv, provider: &ProviderProcess) -> TestService {
    let config = TestEnv::config::<Config>(&[
        ("PROVIDER_URL", &provider.url()),
        ("PROVIDER_TIMEOUT_MS", PROVIDER_TIMEOUT_MS),
    ]);
    env.start("payment-service", &MIGRATOR, config, assemble).await
}

/// Derives the owner of an order from its id; each order has an owner of its own.
pub(crate) fn owner_of(order_id: Uuid) -> Uuid {
    Uuid::from_u128(order_id.as_u128() ^ 1)
}

/// Creates an `order.placed` over 59.98 USD; each call creates another event.
pub(crate) fn order_placed(order_id: Uuid, payment_method: &str) -> Envelope {
    let data = json!({
        "orderId": order_id,
        "userId": owner_of(order_id),
        "items": [{ "productId": id::new(), "quantity": 2, "unitPriceMinor": 2999 }],
        "totalMinor": 5998,
        "currency": "USD",
        "paymentMethod": payment_method,
    });
    EventProbe::event("order-service", "order.placed", order_id, 1, &data)
}
