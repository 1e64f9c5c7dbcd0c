//! HTTP clients of the harness. They have no breaker: a customer asks whatever state the platform is in.

use std::time::Duration;

/// Builds a client whose requests take at most `limit`, and whose connections open within `connect_limit`.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that may: the harness is not part of the platform"
)]
pub fn client(limit: Duration, connect_limit: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(limit)
        .connect_timeout(connect_limit)
        .build()
}
