//! The readiness probe of a process.

use platform_client::http;
use std::time::Duration;

const PROBE_LIMIT: Duration = Duration::from_secs(3);

/// A process without an address is ready as soon as it runs.
#[derive(Debug)]
pub(super) struct Probe {
    http: reqwest::Client,
    url: Option<String>,
}

impl Probe {
    pub(super) fn new(url: Option<String>) -> reqwest::Result<Self> {
        let http = http::client(PROBE_LIMIT, PROBE_LIMIT)?;
        Ok(Self { http, url })
    }

    /// The reason why the process is not ready; `None` if it is.
    pub(super) async fn refusal(&self) -> Option<String> {
        let url = self.url.as_ref()?;
        let answer = match self.http.get(url).send().await {
            Ok(answer) if answer.status().is_success() => return None,
            Ok(answer) => answer,
            Err(error) => return Some(format!("{error:?}")),
        };
        let status = answer.status();
        Some(format!("{status}: {}", answer.text().await.unwrap_or_default()))
    }
}
