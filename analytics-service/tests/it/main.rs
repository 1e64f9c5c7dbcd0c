//! analytics-service on a real database and a real broker.

mod asking;
#[cfg(test)]
mod contracts;
#[cfg(test)]
mod retention;
mod storing;
#[cfg(test)]
mod support;
