//! What every service needs, whatever it sells.
//!
//! Two wings that do not know each other, [`messaging`] (outbox, relay, inbox, consumer, intents, dead letters) and
//! the HTTP side ([`http_client`], [`problem`], [`extract`], [`identity`]), stand on a few common stones
//! ([`clock`], [`id`], [`config`], [`context`], [`database`], [`failpoint`], [`telemetry`]). [`service`] puts them together into a
//! running process with [`status`] pages.

pub mod clock;
pub mod config;
pub mod context;
pub mod database;
pub mod extract;
pub mod failpoint;
pub mod healthcheck;
pub mod http_client;
pub mod id;
pub mod identity;
pub mod messaging;
pub mod page;
pub mod problem;
pub mod service;
pub mod status;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
