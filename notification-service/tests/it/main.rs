//! notification-service on a real database, a real broker and a real mail server (`mail-catcher`).

#[cfg(test)]
mod contracts;
mod listing;
#[cfg(test)]
mod mailing;
mod sending;
#[cfg(test)]
mod support;
mod waiting;
