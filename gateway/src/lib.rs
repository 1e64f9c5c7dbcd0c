//! The gateway: the only process that clients connect to.
//!
//! A request goes through [`server`] (limits on connections), [`connection`] (idle time, what the parser refuses), [`access_log`] (headers of every answer, access log) and
//! [`proxy`], which uses in turn [`path`] and [`host`] (ambiguous ones), [`routes`], [`auth`] ([`token`], [`token_cache`], [`keys`]),
//! [`admission`] ([`sessions`] and [`limiter`] in one round trip), [`shares`], [`headers`] (spoofed headers) and [`body`], hands it to
//! an [`upstream`] and checks its [`answer`]. Checks that need trust come
//! after those that do not, and costly ones after cheap refusals. [`operators`] is the other port.

pub mod access_log;
pub mod admission;
pub mod answer;
pub mod auth;
pub mod body;
pub mod config;
pub mod connection;
pub mod docs;
pub mod error;
pub mod headers;
pub mod host;
pub mod identity;
pub mod keys;
pub mod limiter;
pub mod operators;
pub mod path;
pub mod proxy;
pub mod redis;
pub mod request_log;
pub mod routes;
pub mod server;
pub mod sessions;
pub mod shares;
pub mod start;
pub mod state;
pub mod token;
pub mod token_cache;
pub mod trace;
pub mod upstream;
