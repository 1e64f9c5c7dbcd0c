//! The catcher from outside: mail goes in over SMTP, and is read over HTTP.

mod receiving;
mod support;
mod surviving;
