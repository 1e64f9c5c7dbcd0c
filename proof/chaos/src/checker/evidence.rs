//! All that is known, as plain rows.

pub(super) mod broker;
pub(super) mod clients;
mod load;
mod mail;
mod messaging;
mod provider;
mod services;
mod words;

pub(super) use load::load;
pub(super) use mail::Mail;
pub(super) use provider::Entry;
pub(super) use words::Word;

use super::Poison;
use broker::Broker;
use chrono::{DateTime, NaiveDate, Utc};
use clients::Clients;
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// Everything. The maps are by the id of what they hold, unless they say otherwise.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) clients: Clients,
    /// By service.
    pub(super) messaging: BTreeMap<&'static str, Messaging>,
    pub(super) users: HashMap<Uuid, User>,
    pub(super) orders: HashMap<Uuid, Order>,
    pub(super) keys: Vec<Key>,
    /// By order.
    pub(super) payments: HashMap<Uuid, Payment>,
    /// State by order.
    pub(super) reservations: HashMap<Uuid, Word>,
    pub(super) products: HashMap<Uuid, Product>,
    pub(super) movements: Vec<Movement>,
    /// By user.
    pub(super) contacts: HashMap<Uuid, Contact>,
    pub(super) notifications: Vec<Notification>,
    pub(super) stored: Vec<Stored>,
    pub(super) counters: BTreeMap<Hour, i64>,
    /// What events said of users, as analytics keeps them.
    pub(super) told: Vec<Told>,
    pub(super) provider: Vec<Entry>,
    pub(super) mails: Vec<Mail>,
    pub(super) broker: Broker,
    pub(super) settings: Vec<Setting>,
    pub(super) poison: Vec<Poison>,
}

/// What one service has published and consumed.
#[derive(Debug, Default)]
pub(super) struct Messaging {
    pub(super) published: HashMap<Uuid, Published>,
    pub(super) outbox: Vec<(Uuid, Word)>,
    pub(super) inbox: HashMap<Uuid, Received>,
    pub(super) dead_letters: Vec<DeadLetter>,
    /// By subject, the number of the last event.
    pub(super) sequences: HashMap<Uuid, i64>,
}

#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) event_type: Word,
    pub(super) subject: Uuid,
    pub(super) at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) event_type: Word,
    pub(super) source: Word,
    pub(super) subject: Uuid,
}

#[derive(Debug, Clone)]
pub(super) struct DeadLetter {
    pub(super) id: Uuid,
    pub(super) queue: String,
    pub(super) event_id: Option<Uuid>,
    pub(super) event_type: Option<String>,
    pub(super) subject: Option<Uuid>,
    pub(super) body: Vec<u8>,
    pub(super) reason: String,
    pub(super) attempts: i32,
    pub(super) status: Word,
}

impl DeadLetter {
    /// Whether the run itself has made it.
    pub(super) fn is_one_of(&self, poison: &[Poison]) -> bool {
        poison
            .iter()
            .any(|poison| poison.body == self.body && poison.queues.contains(&self.queue))
    }
}

#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) email: String,
    pub(super) name: String,
}

#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) user: Uuid,
    pub(super) status: Word,
    pub(super) payment: Word,
    pub(super) stock: Word,
    pub(super) compensation: Word,
    pub(super) payment_method: Word,
    pub(super) total_minor: i64,
    pub(super) currency: Word,
    pub(super) lines: Vec<Line>,
}

impl Order {
    /// Confirmed or later: money and pieces have changed hands.
    pub(super) fn is_sold(&self) -> bool {
        matches!(&*self.status, "confirmed" | "shipped" | "delivered")
    }

    /// Failed or cancelled: nothing may be kept.
    pub(super) fn is_closed(&self) -> bool {
        matches!(&*self.status, "failed" | "cancelled")
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) product: Uuid,
    pub(super) quantity: i64,
    pub(super) unit_price_minor: i64,
}

/// An idempotency key with the order that it has placed.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) user: Uuid,
    pub(super) text: String,
    pub(super) order: Option<Uuid>,
}

#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) id: Uuid,
    pub(super) state: Word,
    pub(super) amount_minor: i64,
    pub(super) currency: Word,
    pub(super) refund: Option<Uuid>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) initial: i64,
    pub(super) restocked: i64,
    pub(super) available: i64,
    pub(super) reserved: i64,
    pub(super) sold: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Movement {
    pub(super) product: Uuid,
    pub(super) order: Option<Uuid>,
    pub(super) kind: Word,
    pub(super) quantity: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Contact {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) sequence: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Notification {
    pub(super) id: Uuid,
    pub(super) event: Uuid,
    pub(super) kind: Word,
    pub(super) order: Uuid,
    pub(super) user: Option<Uuid>,
    pub(super) mail: Word,
}

/// An event as analytics keeps it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) event: Uuid,
    pub(super) event_type: Word,
    pub(super) source: Word,
    pub(super) subject: Uuid,
    pub(super) sequence: i64,
    pub(super) at: DateTime<Utc>,
}

/// Day and hour in UTC, and the type of the events counted.
pub(super) type Hour = (NaiveDate, i16, Word);

#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) user: Uuid,
    pub(super) sequence: i64,
    pub(super) email: String,
    pub(super) name: String,
}

/// A setting of the database server, as one service's connection sees it.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) service: &'static str,
    pub(super) name: String,
    pub(super) value: String,
}

impl Evidence {
    /// Every event that is on record as published: by whom, its id, and the rest.
    pub(super) fn published(&self) -> impl Iterator<Item = (&'static str, Uuid, &Published)> {
        self.messaging
            .iter()
            .flat_map(|(service, messaging)| messaging.published.iter().map(|(id, event)| (*service, *id, event)))
    }

    /// The types of the events that a service has published about each subject.
    pub(super) fn types_by_subject(&self, service: &str) -> HashMap<Uuid, Vec<&str>> {
        let mut types: HashMap<Uuid, Vec<&str>> = HashMap::new();
        for event in self
            .messaging
            .get(service)
            .into_iter()
            .flat_map(|rows| rows.published.values())
        {
            types.entry(event.subject).or_default().push(&event.event_type);
        }
        types
    }

    /// The events that the rubbish of this run pretends to be.
    pub(super) fn poison_events(&self) -> HashSet<Uuid> {
        self.poison.iter().filter_map(Poison::event_id).collect()
    }
}
