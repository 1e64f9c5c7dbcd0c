//! notification-service on a real database, a real broker and a real mail server (`mail-catcher`).

#![cfg(test)]

mod connections;
mod contracts;
mod fixture;
mod listing;
mod mail_server;
mod mailing;
mod sending;
mod waiting;
