//! Real databases, virtual hosts and services for tests.
//!
//! The servers are those of `TEST_POSTGRES_URL`, `TEST_RABBITMQ_URL`, `TEST_RABBITMQ_MANAGEMENT_URL` (`make test` starts
//! them). Each [`TestEnv`] has a database and a virtual host of its own, and deletes them when it is dropped.

#![warn(missing_docs)]

mod event_probe;
mod operator;
mod service;
mod test_env;
mod wait;

pub use event_probe::EventProbe;
pub use operator::OPERATOR_TOKEN;
pub use service::TestService;
pub use test_env::TestEnv;
pub use wait::{PATIENCE, eventually};

use kernel::{failpoint, id};
use std::{path::PathBuf, sync::LazyLock};

/// The folder in which the failpoints of this process are armed.
static FAILPOINTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("failpoints-{}", id::new()));
    std::fs::create_dir(&folder).expect("a folder can be made");
    failpoint::watch("tests", Some(folder.clone()));
    folder
});

/// Arms a failpoint of [`failpoint::taken`] for services of this name; the other tests of this process must not have one of
/// that name. Returns the file, which is gone once the failpoint has acted.
pub fn arm(failpoint: &str, service: &str) -> PathBuf {
    let file = FAILPOINTS.join(format!("{failpoint}@{service}"));
    std::fs::write(&file, "").expect("a file can be written");
    file
}

/// Returns the value of a variable that tests need.
#[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; `make test` starts the servers and sets it"))
}
