//! The platform under test, its processes, and a crowd of customers.

use crate::consistency;
use futures_util::future::join_all;
use platform_client::{
    HarnessError,
    admin::Admin,
    answer::Answer,
    api::ApiRequest,
    catalogue::{HOUSE_BLEND, SOLD_OUT},
    client::TestClient,
    description::{Service, services},
    order::Order,
    platform::Platform,
    poll::poll,
    settings,
    supervisor::Supervisor,
};
use reqwest::StatusCode;
use sqlx::PgPool;
use std::{
    collections::HashMap,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// From the last fault to the last settled order.
pub(crate) const SETTLE_LIMIT: Duration = Duration::from_mins(2);
const POLL_INTERVAL: Duration = Duration::from_millis(100);
const CONSISTENCY_POLL_INTERVAL: Duration = Duration::from_millis(500);

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// The platform, used by no other test until this is dropped.
pub(crate) struct Fixture {
    pub(crate) platform: Platform,
    pub(crate) admin: Admin,
    supervisor: Supervisor,
    run_dir: PathBuf,
    _exclusive: MutexGuard<'static, ()>,
}

impl Fixture {
    pub(crate) async fn open() -> Self {
        let exclusive = ONE_AT_A_TIME.lock().await;
        let platform = expect_ok(Platform::from_env());
        let run_dir = expect_ok(platform.environment.run_dir());
        Self {
            admin: expect_ok(Admin::log_in(&platform).await),
            platform,
            supervisor: Supervisor::new(&run_dir),
            run_dir,
            _exclusive: exclusive,
        }
    }

    pub(crate) async fn customer(&self) -> TestClient {
        expect_ok(TestClient::register(&self.platform, "Eve End").await)
    }

    /// The database whose URL is this variable, such as `ORDER_DATABASE_URL`.
    pub(crate) fn database(&self, variable: &str) -> PgPool {
        expect_ok(self.platform.environment.pool(variable))
    }

    /// The id of a supervised process, once it runs.
    pub(crate) async fn pid(&self, process: &str) -> u32 {
        eventually(&format!("{process} to run"), async || {
            self.supervisor.pid(process).await
        })
        .await
    }

    /// Kills a process, once it runs, as `kill -9` would, and waits until the supervisor has started another.
    pub(crate) async fn kill(&self, process: &str) {
        self.pid(process).await;
        expect_ok(self.supervisor.kill(process).await);
    }

    /// Stops a process by its proper signal and keeps it down.
    pub(crate) async fn stop(&self, process: &str) {
        expect_ok(self.supervisor.stop(process).await);
    }

    /// Starts a stopped process.
    pub(crate) async fn start(&self, process: &str) {
        expect_ok(self.supervisor.start(process).await);
    }

    /// A variable of a supervised process's environment.
    pub(crate) fn setting(&self, process: &str, variable: &str) -> String {
        let settings = expect_ok(settings::read(&self.run_dir, process));
        let found = settings.into_iter().find(|(name, _)| name == variable);
        found.expect("the process has this variable").1
    }

    /// A second instance of a service, on another port, with the same settings.
    pub(crate) fn second_instance(&self, service: &str, port: u16) -> Instance {
        let address = format!("127.0.0.1:{port}");
        let child = Command::new(self.run_dir.join("bin").join(service))
            .envs(expect_ok(settings::read(&self.run_dir, service)))
            .env("LISTEN_ADDR", &address)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a second instance starts");
        Instance {
            child,
            url: format!("http://{address}"),
        }
    }

    /// Waits until every service and the gateway answer `/readyz` again.
    pub(crate) async fn until_ready(&self) {
        let services = services().iter().map(Service::url_variable);
        for variable in services.chain(["OPERATORS_URL".to_owned()]) {
            self.until_answers(expect_ok(self.platform.environment.get(&variable)), "/readyz")
                .await;
        }
    }

    pub(crate) async fn until_answers(&self, url: &str, path: &str) {
        eventually(&format!("{url}{path}"), async || {
            let request = self.platform.request_to(url, reqwest::Method::GET, path);
            let answer = Answer::of(request).await.ok()?;
            answer.status.is_success().then_some(())
        })
        .await;
    }

    /// Places orders of every kind, `count` for each of `customers` customers, all at once.
    pub(crate) async fn orders(&self, customers: usize, count: usize) -> Vec<(TestClient, Order)> {
        let crowd = join_all((0..customers).map(|_| self.customer())).await;
        let placing = crowd.into_iter().map(async |customer| {
            let mut placed = Vec::new();
            for number in 0..count {
                let (product, method) = match number % 5 {
                    0 => (HOUSE_BLEND, "pm_declined"),
                    1 => (SOLD_OUT, "pm_ok"),
                    2 => (HOUSE_BLEND, "pm_flaky"),
                    _ => (HOUSE_BLEND, "pm_ok"),
                };
                let order = expect_ok(customer.place_order(product, 1, method).await);
                if number % 7 == 3 {
                    expect_ok(customer.cancel(order.id).await);
                }
                placed.push((customer.clone(), order));
            }
            placed
        });
        join_all(placing).await.into_iter().flatten().collect()
    }

    /// Waits until each order is settled and the whole platform is consistent; counts the orders by status.
    pub(crate) async fn all_settle(&self, orders: &[(TestClient, Order)]) -> HashMap<String, usize> {
        let mut ended = HashMap::new();
        for (customer, order) in orders {
            let order = settled(customer, order.id).await;
            *ended.entry(order.status).or_default() += 1;
        }
        self.everything_agrees().await;
        ended
    }

    /// Waits until the platform is consistent: a participant's last step (the sale of the stock) may come after the
    /// status that the customer sees.
    pub(crate) async fn everything_agrees(&self) {
        let mut disagreement = None;
        let agrees = poll(SETTLE_LIMIT, CONSISTENCY_POLL_INTERVAL, async || {
            disagreement = consistency::check(&self.platform).await.err();
            disagreement.is_none().then_some(())
        });
        let agrees = agrees.await;
        assert!(agrees.is_some(), "{}", disagreement.expect("the last check failed"));
    }

    /// Ships or delivers an order.
    pub(crate) async fn advance(&self, order: Uuid, step: &str) {
        expect_status(self.admin.advance(order, step).await, StatusCode::OK);
    }
}

/// A service's second instance; it is killed when this is dropped.
pub(crate) struct Instance {
    child: Child,
    pub(crate) url: String,
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().expect("a killed child can be waited for");
        }
    }
}

/// Waits until the order is settled.
pub(crate) async fn settled(customer: &TestClient, order: Uuid) -> Order {
    expect_ok(customer.wait_until_settled(order, SETTLE_LIMIT).await)
}

/// Places an order that is confirmed.
pub(crate) async fn confirmed_order(customer: &TestClient) -> Uuid {
    let order = expect_ok(customer.place_order(HOUSE_BLEND, 1, "pm_ok").await).id;
    expect_ok(customer.wait_for_status(order, "confirmed", SETTLE_LIMIT).await);
    order
}

/// Cancels an order, which must be answered with this status.
pub(crate) async fn cancel(customer: &TestClient, order: Uuid, status: StatusCode) {
    expect_status(customer.send(&ApiRequest::order_step(order, "cancel")).await, status);
}

/// Waits until `condition` yields a value.
pub(crate) async fn eventually<T>(what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
    let value = poll(SETTLE_LIMIT, POLL_INTERVAL, condition).await;
    value.unwrap_or_else(|| panic!("waited {SETTLE_LIMIT:?} in vain for {what}"))
}

/// Unwraps the result, or fails the test with the error's text.
#[track_caller]
pub(crate) fn expect_ok<T>(outcome: Result<T, HarnessError>) -> T {
    outcome.unwrap_or_else(|error| panic!("{error}"))
}

/// Unwraps an answer of this status.
#[track_caller]
pub(crate) fn expect_status(outcome: Result<Answer, HarnessError>, status: StatusCode) -> Answer {
    expect_ok(outcome.and_then(|answer| answer.expect_status(status)))
}
