//! The platform under test, its processes, and a crowd of customers.

use e2e::{
    admin::Admin, answer::Answer, order::Order, platform::Platform, shopper::Shopper, trouble::Trouble, verdict,
};
use futures_util::future::join_all;
use std::{
    collections::HashMap,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, MutexGuard};

/// From the seeded catalogue.
pub(crate) const HOUSE_BLEND: &str = "01900000-0000-7000-8000-000000000004";
pub(crate) const SOLD_OUT: &str = "01900000-0000-7000-8000-000000000012";
/// From the last fault to the last settled order.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// Every service, as the supervisor names it.
pub(crate) const SERVICES: [&str; 7] = [
    "gateway",
    "user-service",
    "product-service",
    "order-service",
    "payment-service",
    "notification-service",
    "analytics-service",
];

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// The platform, ours alone until this is dropped.
pub(crate) struct Stage {
    pub(crate) platform: Platform,
    pub(crate) admin: Admin,
    run_dir: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Stage {
    pub(crate) async fn open() -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        let platform = Platform::from_env().unwrap_or_else(|trouble| panic!("{trouble}"));
        let run_dir = platform
            .variable("RUN_DIR")
            .unwrap_or_else(|trouble| panic!("{trouble}"))
            .into();
        let admin = Admin::log_in(&platform).await.expect("the administrator can log in");
        Self {
            platform,
            admin,
            run_dir,
            _alone: alone,
        }
    }

    pub(crate) async fn shopper(&self) -> Shopper {
        Shopper::register(&self.platform, "Eve End")
            .await
            .expect("anybody can register")
    }

    /// A supervised process's id, once it runs.
    pub(crate) async fn pid(&self, process: &str) -> u32 {
        eventually(&format!("{process} to run"), || async { self.running_pid(process) }).await
    }

    fn running_pid(&self, process: &str) -> Option<u32> {
        let folder = self.run_dir.join("services").join(process);
        let output = Command::new("s6-svstat")
            .args(["-o", "pid"])
            .arg(folder)
            .output()
            .ok()?;
        // s6 says -1 for a process that is down.
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    }

    /// Kills a process as `kill -9` would and waits until the supervisor has brought up another.
    pub(crate) async fn kill(&self, process: &str) {
        let pid = self.pid(process).await;
        run("kill", &["-9", &pid.to_string()]);
        eventually(&format!("another {process}"), || async {
            self.running_pid(process).filter(|now| *now != pid)
        })
        .await;
    }

    /// Stops a process in its proper way and keeps it down.
    pub(crate) async fn stop(&self, process: &str) {
        self.control(process, "-d");
        eventually(&format!("{process} to be down"), || async {
            self.running_pid(process).is_none().then_some(())
        })
        .await;
    }

    /// Lets a stopped process run again.
    pub(crate) fn start(&self, process: &str) {
        self.control(process, "-u");
    }

    fn control(&self, process: &str, flag: &str) {
        let folder = self.run_dir.join("services").join(process);
        run("s6-svc", &[flag, &folder.to_string_lossy()]);
    }

    /// A second instance of a service, on another port, with the same settings.
    pub(crate) fn second_instance(&self, service: &str, port: u16) -> Instance {
        let settings = std::fs::read_to_string(self.run_dir.join("environment").join(service)).expect("its settings");
        let child = Command::new("bash")
            .arg("-c")
            .arg(format!(
                "set -a; eval \"$SETTINGS\"; LISTEN_ADDR=127.0.0.1:{port} exec \"$PROGRAM\""
            ))
            .env("SETTINGS", settings)
            .env("PROGRAM", self.run_dir.join("bin").join(service))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a second instance starts");
        Instance {
            child,
            url: format!("http://127.0.0.1:{port}"),
        }
    }

    /// Waits until everything answers `/readyz` again.
    pub(crate) async fn until_ready(&self) {
        for variable in [
            "USER_SERVICE_URL",
            "PRODUCT_SERVICE_URL",
            "ORDER_SERVICE_URL",
            "PAYMENT_SERVICE_URL",
            "NOTIFICATION_SERVICE_URL",
            "ANALYTICS_SERVICE_URL",
        ] {
            let url = self.platform.variable(variable).expect("its address is known");
            self.until_answers(url, "/readyz").await;
        }
        self.until_answers(&self.platform.operators, "/readyz").await;
    }

    pub(crate) async fn until_answers(&self, url: &str, path: &str) {
        eventually(&format!("{url}{path}"), || async {
            let request = self.platform.request_to(url, reqwest::Method::GET, path);
            let answer = Answer::of("probing", request).await.ok()?;
            answer.status.is_success().then_some(())
        })
        .await;
    }

    /// Places orders of every kind, `count` for each of `shoppers` customers, all at once.
    pub(crate) async fn orders(&self, shoppers: usize, count: usize) -> Vec<(Shopper, Order)> {
        let crowd = join_all((0..shoppers).map(|_| self.shopper())).await;
        let placing = crowd.into_iter().map(|shopper| async move {
            let mut placed = Vec::new();
            for number in 0..count {
                let (product, method) = match number % 5 {
                    0 => (HOUSE_BLEND, "pm_declined"),
                    1 => (SOLD_OUT, "pm_ok"),
                    2 => (HOUSE_BLEND, "pm_flaky"),
                    _ => (HOUSE_BLEND, "pm_ok"),
                };
                let order = shopper
                    .order(product, 1, method)
                    .await
                    .expect("an order is taken in the end");
                if number % 7 == 3 {
                    shopper.cancel(order.id).await.expect("cancelling is answered");
                }
                placed.push((shopper.clone(), order));
            }
            placed
        });
        join_all(placing).await.into_iter().flatten().collect()
    }

    /// Waits until each order is settled, and checks that all that ever were agree.
    pub(crate) async fn all_settle(&self, orders: &[(Shopper, Order)]) -> HashMap<String, usize> {
        let mut ended = HashMap::new();
        for (shopper, order) in orders {
            let order = shopper
                .wait_until_settled(order.id, PATIENCE)
                .await
                .unwrap_or_else(|trouble| panic!("{trouble}"));
            *ended.entry(order.status).or_default() += 1;
        }
        self.everything_agrees().await;
        ended
    }

    /// What the participants write down last (the sale of the stock) may lag behind what the customer sees.
    pub(crate) async fn everything_agrees(&self) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(trouble) = verdict::all_agree(&self.platform).await {
            assert!(Instant::now() < deadline, "{trouble}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
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

/// Waits until `condition` gives a value.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut condition: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "in vain waited for {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The answer, or the test's end.
pub(crate) fn must<T>(outcome: Result<T, Trouble>) -> T {
    outcome.unwrap_or_else(|trouble| panic!("{trouble}"))
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program)
        .args(arguments)
        .status()
        .expect("the program is there");
    assert!(status.success(), "{program} {arguments:?} ended with {status}");
}
