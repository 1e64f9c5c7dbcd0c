//! Black-box tests: mails are sent over SMTP and read over HTTP.

#![cfg(test)]

mod command_line;
mod durability;
mod receiving;
mod support;
