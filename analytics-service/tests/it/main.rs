//! analytics-service on a real database and a real broker.

mod asking;
mod contracts;
mod retention;
mod storing;
mod support;
