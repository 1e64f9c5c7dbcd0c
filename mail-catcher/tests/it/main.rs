//! The catcher from outside: mail goes in over SMTP, and is read over HTTP.

mod receiving;
#[cfg(test)]
mod support;
#[cfg(test)]
mod surviving;
