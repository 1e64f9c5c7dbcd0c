//! notification-service on a real database, a real broker and a real mail server (`mail-catcher`).

#![cfg(test)]

mod contracts;
mod listing;
mod mailing;
mod sending;
mod support;
mod waiting;
