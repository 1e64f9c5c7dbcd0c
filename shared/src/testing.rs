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

use crate::{config::Env, failpoint, id};
use std::{path::PathBuf, sync::LazyLock, time::Duration};
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

/// Where the failpoints of this process are armed.
static FAILPOINTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("failpoints-{}", id::new()));
    std::fs::create_dir(&folder).expect("a folder can be made");
    let env = Env::from_pairs([("FAILPOINT_DIR", folder.to_str().expect("the path is UTF-8"))]);
    failpoint::watch("tests", &env).expect("a path is a path");
    folder
});

/// Arms a failpoint that is asked for by [`failpoint::taken`], for services of this name; the other tests of this process
/// must not have one. Returns the file, which is gone once the failpoint has acted.
pub fn arm(failpoint: &str, service: &str) -> PathBuf {
    let file = FAILPOINTS.join(format!("{failpoint}@{service}"));
    std::fs::write(&file, "").expect("a file can be written");
    file
}

/// The value of a variable that tests need.
pub fn variable(name: &'static str) -> String {
    let env = Env::from_process();
    env.required(name)
        .unwrap_or_else(|error| panic!("{error}; `make test` starts the servers and sets it"))
}
