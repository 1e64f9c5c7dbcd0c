//! From `main` to a running process: arguments from the environment, telemetry, supervised tasks, probes, status pages, and
//! a graceful stop.
//!
//! [`run`] starts any program; [`serve`] starts a service, which also has a database, a broker connection and an HTTP server,
//! and is put together by [`Service`].

#![warn(missing_docs)]

pub mod arguments;
mod base;
mod bootstrap;
mod error;
mod gauges;
mod healthcheck;
mod program;
mod run;
mod server;
mod service;
mod settings;
mod status;
mod tasks;
pub mod telemetry;

pub use base::Base;
pub use bootstrap::{run_service, serve};
pub use error::StartError;
pub use healthcheck::HealthCheck;
pub use program::Program;
pub use run::{bind, run};
pub use server::BODY_BYTES_MAX;
pub use service::Service;
pub use settings::Settings;
