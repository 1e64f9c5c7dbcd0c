//! The catcher from outside: mail goes in over SMTP, and is read over HTTP.

#![cfg(test)]

mod receiving;
mod support;
mod surviving;
