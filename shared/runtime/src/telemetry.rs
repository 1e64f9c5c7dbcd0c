//! Logs as JSON lines on standard output, and metrics for Prometheus.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{sync::OnceLock, time::Duration};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// Upper bounds of histogram buckets in seconds, from a local round trip to the longest deadline.
const SECONDS_BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0];
/// The exporter's own interval where it serves the metrics itself.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Returns the text if it is a log filter.
pub(crate) fn filter(text: &str) -> Result<String, String> {
    let parsed = EnvFilter::try_new(text);
    parsed.map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Starts logging with `filter` (as in `info` or `info,messaging=debug`) and recording metrics. Later calls change nothing.
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
        tracing::debug!("Logging was started before");
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
            tracing::debug!("A metrics recorder was set before");
        }
        handle
    });
}

/// Renders the metrics in Prometheus' text format.
pub fn render_metrics() -> String {
    METRICS.get().map_or_else(String::new, PrometheusHandle::render)
}

/// Moves measurements into their histogram buckets every 5 s; never returns. The recorder keeps each single measurement until
/// then, and a process whose metrics are not scraped would grow with each request.
pub async fn upkeep() {
    loop {
        tokio::time::sleep(UPKEEP_INTERVAL).await;
        if let Some(handle) = METRICS.get() {
            handle.run_upkeep();
        }
    }
}

/// Logs panics as JSON lines with the code `process.panicked`, instead of plain text on standard error.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let location = panic.location().map(ToString::to_string);
        tracing::error!(
            code = "process.panicked",
            panic.message = message,
            panic.location = location,
            "Panicked"
        );
    }));
}
