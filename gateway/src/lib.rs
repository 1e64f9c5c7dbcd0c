//! The gateway: the only process that clients connect to.
//!
//! A request goes through [`server`] (limits on connections), [`access_log`] (headers of every answer, access log) and
//! [`proxy`], which uses in turn [`path`] (ambiguous paths), [`headers`] (spoofed headers), [`routes`],
//! [`auth`] ([`token`], [`token_cache`], [`keys`]) and [`admission`] ([`sessions`] and [`limiter`] in one round trip), and hands it to an [`upstream`]. Checks that need trust come
//! after those that do not, and costly ones after cheap refusals. [`operators`] is the other port.

pub mod access_log;
pub mod admission;
pub mod auth;
pub mod body;
pub mod config;
pub mod docs;
pub mod error;
pub mod headers;
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
pub mod start;
pub mod state;
pub mod token;
pub mod token_cache;
pub mod trace;
pub mod upstream;
