//! Logs as JSON lines on standard output, and metrics for Prometheus.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{sync::OnceLock, time::Duration};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// Upper bounds in seconds, from a local round trip to the longest deadline.
const SECONDS_BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0];
/// As often as the exporter does it where it serves the metrics itself.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts logging with `filter` (as in `info` or `info,shared=debug`) and recording metrics. Later calls change nothing.
pub fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let json = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    if tracing_subscriber::registry()
        .with(filter)
        .with(json)
        .try_init()
        .is_err()
    {
        tracing::debug!("logging had been started before");
    }
    METRICS.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let builder = match builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS) {
            Ok(builder) => builder,
            Err(_) => PrometheusBuilder::new(),
        };
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::debug!("a metrics recorder had been set before");
        }
        handle
    });
}

/// The metrics in Prometheus' text form.
pub fn render_metrics() -> String {
    METRICS.get().map_or_else(String::new, PrometheusHandle::render)
}

/// Puts what was measured into its buckets, again and again; never returns. The recorder keeps every single measurement
/// until somebody does, and a process whose metrics nobody reads would grow with each request.
pub async fn upkeep() {
    loop {
        tokio::time::sleep(UPKEEP_INTERVAL).await;
        if let Some(handle) = METRICS.get() {
            handle.run_upkeep();
        }
    }
}

/// An error and everything that caused it, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // A transparent error repeats its cause's words.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("the outside")]
        Wrapped(#[source] std::io::Error),
        #[error(transparent)]
        Transparent(#[from] std::io::Error),
    }

    #[test]
    fn a_chain_says_everything_once() {
        let inside = || std::io::Error::other("the inside");
        assert_eq!(chain(&Outer::Wrapped(inside())), "the outside: the inside");
        assert_eq!(chain(&Outer::Transparent(inside())), "the inside");
    }
}
