//! The harness's own HTTP clients. It stands outside the platform, as any client does.

use std::time::Duration;

/// A client whose requests take at most `limit`.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that may: the harness is not part of the platform"
)]
pub(crate) fn client(limit: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().no_proxy().timeout(limit).build()
}
