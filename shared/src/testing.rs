//! Real databases, virtual hosts and services for tests.
//!
//! The servers are those of `TEST_POSTGRES_URL`, `TEST_RABBITMQ_URL`, `TEST_RABBITMQ_MANAGEMENT_URL` (`make test` starts
//! them). Each [`TestBed`] has a database and a virtual host of its own, and takes them away when it is dropped.

mod bed;
mod events;
mod service;

pub use bed::TestBed;
pub use events::EventProbe;
pub use service::TestService;

use std::time::Duration;
use tokio::time::Instant;

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Waits until `condition` gives a value. Panics with `what` after [`PATIENCE`].
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut condition: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "in vain waited for: {what}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The value of a variable that tests need.
pub fn variable(name: &'static str) -> String {
    let env = crate::config::Env::from_process();
    env.required(name)
        .unwrap_or_else(|error| panic!("{error}; `make test` starts the servers and sets it"))
}
