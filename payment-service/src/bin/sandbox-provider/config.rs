//! The settings of the sandbox provider.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// The settings of the sandbox provider.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Config {
    /// Address and port of the HTTP server.
    #[arg(long, env = "LISTEN_ADDR")]
    pub(crate) listen_addr: SocketAddr,
    /// File of the append-only log; created if it does not exist.
    #[arg(long, env = "PROVIDER_LOG")]
    pub(crate) provider_log: PathBuf,
    /// Delay of the answer to `pm_slow` in milliseconds.
    #[arg(long, env = "SLOW_MS", default_value_t = 2_000)]
    slow_ms: u64,
    /// Delay of the answer to `pm_stall` in milliseconds.
    #[arg(long, env = "STALL_MS", default_value_t = 20_000)]
    stall_ms: u64,
}

impl Config {
    pub(crate) fn slow(&self) -> Duration {
        Duration::from_millis(self.slow_ms)
    }

    pub(crate) fn stall(&self) -> Duration {
        Duration::from_millis(self.stall_ms)
    }
}
