//! One payment-service with its own database, virtual host and provider process.

use payment_service::{MIGRATOR, assemble, config::Config};
use serde_json::{Value, json};
use shared::{
    id,
    messaging::envelope::Envelope,
    testing::{EventProbe, TestBed, TestService, eventually},
};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use uuid::Uuid;

/// How long `pm_stall` takes here: well beyond the service's timeout.
const STALL_MS: &str = "4000";
const PROVIDER_TIMEOUT_MS: &str = "700";

/// A running sandbox provider; killed with SIGKILL when it is dropped.
pub(crate) struct Provider {
    pub(crate) address: String,
    log: PathBuf,
    process: Option<Child>,
}

impl Provider {
    /// Starts one with an empty log on any free port.
    pub(crate) fn start() -> Self {
        let log = std::env::temp_dir().join(format!("provider-{}.jsonl", id::new()));
        let mut provider = Self {
            address: "127.0.0.1:0".to_owned(),
            log,
            process: None,
        };
        provider.restart();
        provider
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it again, on the address and with the log that it had.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let mut process = Command::new(env!("CARGO_BIN_EXE_sandbox-provider"))
            .env("LISTEN_ADDR", &self.address)
            .env("PROVIDER_LOG", &self.log)
            .env("STALL_MS", STALL_MS)
            .env("SLOW_MS", "200")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("its first line");
        address.clone_into(&mut self.address);
        self.process = Some(process);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn log_path(&self) -> &Path {
        &self.log
    }

    /// The entries of its log about one order: kind and amount.
    pub(crate) fn log_of(&self, order_id: Uuid) -> Vec<(String, i64)> {
        let text = std::fs::read_to_string(&self.log).unwrap();
        let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_order = entries.filter(|entry| entry["reference"] == order_id.to_string());
        of_order
            .map(|entry| {
                (
                    entry["kind"].as_str().unwrap().to_owned(),
                    entry["amountMinor"].as_i64().unwrap(),
                )
            })
            .collect()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.kill();
        drop(std::fs::remove_file(&self.log));
    }
}

/// Everything that one test works with. The fields are dropped in this order.
pub(crate) struct World {
    pub(crate) service: TestService,
    pub(crate) provider: Provider,
    pub(crate) probe: EventProbe,
    pub(crate) bed: TestBed,
}

impl World {
    pub(crate) async fn new() -> Self {
        let bed = TestBed::new(&["payment-queue"]).await;
        let provider = Provider::start();
        let service = start_service(&bed, &provider).await;
        Self {
            service,
            provider,
            probe: bed.events().await,
            bed,
        }
    }

    /// `order.placed` for a new order over 59.98 USD; returns its id.
    pub(crate) async fn place(&self, payment_method: &str) -> Uuid {
        let order_id = id::new();
        self.probe.publish(&placed(order_id, payment_method)).await;
        order_id
    }

    /// Publishes one of the order's later events.
    pub(crate) async fn tell(&self, event_type: &str, order_id: Uuid) -> Envelope {
        let data = json!({ "orderId": order_id, "userId": owner_of(order_id), "status": "failed", "reason": "test" });
        let event = EventProbe::event("order-service", event_type, order_id, 2, &data);
        self.probe.publish(&event).await;
        event
    }

    /// Where the order's payment stands; `None` while it is unknown.
    pub(crate) async fn state(&self, order_id: Uuid) -> Option<String> {
        sqlx::query_scalar("select state from payments where order_id = $1")
            .bind(order_id)
            .fetch_optional(&self.service.database)
            .await
            .unwrap()
    }

    /// Waits until the order's payment stands there.
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

    /// Waits until the provider was really asked for the order's charge or refund, in vain.
    pub(crate) async fn wait_for_a_try(&self, order_id: Uuid) {
        eventually("a try in vain", || async {
            sqlx::query_scalar::<_, Uuid>(
                "select id from intents where subject = $1 and attempts > 0 and last_error not like '%circuit%'",
            )
            .bind(order_id)
            .fetch_optional(&self.service.database)
            .await
            .unwrap()
        })
        .await;
    }

    /// The types of the events that the service has written about the order, oldest first.
    pub(crate) async fn written(&self, order_id: Uuid) -> Vec<String> {
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
}

pub(crate) async fn start_service(bed: &TestBed, provider: &Provider) -> TestService {
    let variables = [
        ("PROVIDER_URL", provider.url()),
        ("PROVIDER_TIMEOUT_MS", PROVIDER_TIMEOUT_MS.to_owned()),
    ];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    bed.start(
        "payment-service",
        &MIGRATOR,
        TestBed::config(Config::from_env, &variables),
        assemble,
    )
    .await
}

/// Every order of these tests has an owner of its own, known from its id.
pub(crate) fn owner_of(order_id: Uuid) -> Uuid {
    Uuid::from_u128(order_id.as_u128() ^ 1)
}

/// `order.placed` over 59.98 USD; each call is another event.
pub(crate) fn placed(order_id: Uuid, payment_method: &str) -> Envelope {
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
