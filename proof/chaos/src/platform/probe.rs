//! Asks a process whether it is ready.

use crate::trouble::Trouble;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(3);

/// Where a process says whether it is ready; one that has no such place is ready when it runs.
#[derive(Debug)]
pub(super) struct Probe {
    http: reqwest::Client,
    url: Option<String>,
}

impl Probe {
    pub(super) fn new(url: Option<String>) -> Result<Self, Trouble> {
        let http = crate::http::client(LIMIT)?;
        Ok(Self { http, url })
    }

    /// Why the process is not ready, in its own words where it has any; `None` if it is.
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
