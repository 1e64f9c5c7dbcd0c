//! The rows of the evidence.

use super::{broker::Broker, clients::Clients, interner::Symbol};
use crate::collect::expectations::{Disturbance, Poison};
use chrono::{DateTime, NaiveDate, Utc};
use platform_client::{agreement::is_sold, ledger::Entry, mail::Mail};
use sqlx::FromRow;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// All of the evidence. A map is by the id of its rows, unless it says otherwise.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) clients: Clients,
    /// Keyed by the name of the service.
    pub(crate) messaging: BTreeMap<&'static str, Messaging>,
    pub(crate) users: HashMap<Uuid, User>,
    pub(crate) orders: HashMap<Uuid, Order>,
    pub(crate) keys: Vec<Key>,
    /// Keyed by order.
    pub(crate) payments: HashMap<Uuid, Payment>,
    /// State, keyed by order.
    pub(crate) reservations: HashMap<Uuid, Symbol>,
    pub(crate) products: HashMap<Uuid, Product>,
    pub(crate) movements: Vec<Movement>,
    /// Keyed by user.
    pub(crate) contacts: HashMap<Uuid, Contact>,
    pub(crate) notifications: Vec<Notification>,
    pub(crate) stored: Vec<Stored>,
    pub(crate) counters: BTreeMap<Hour, i64>,
    pub(crate) user_events: Vec<UserEvent>,
    pub(crate) provider: Vec<Entry>,
    pub(crate) mails: Vec<Mail>,
    pub(crate) broker: Broker,
    pub(crate) settings: Vec<Setting>,
    pub(crate) poison: Vec<Poison>,
    pub(crate) disturbances: Vec<Disturbance>,
}

/// The messaging tables of one service.
#[derive(Debug, Default)]
pub(crate) struct Messaging {
    pub(crate) published: HashMap<Uuid, Published>,
    pub(crate) outbox: Vec<(Uuid, Symbol)>,
    pub(crate) inbox: HashMap<Uuid, Received>,
    pub(crate) dead_letters: Vec<DeadLetter>,
    /// Number of the last event, keyed by subject.
    pub(crate) sequences: HashMap<Uuid, i64>,
}

#[derive(Debug, Clone, FromRow)]
pub(crate) struct Published {
    pub(crate) event_type: Symbol,
    pub(crate) subject: Uuid,
    /// When it was committed.
    pub(crate) at: DateTime<Utc>,
    pub(crate) confirmed_at: DateTime<Utc>,
}

#[derive(Debug, Clone, FromRow)]
pub(crate) struct Received {
    pub(crate) event_type: Symbol,
    pub(crate) source: Symbol,
    pub(crate) subject: Uuid,
    pub(crate) at: DateTime<Utc>,
}

#[derive(Debug, Clone, FromRow)]
pub(crate) struct DeadLetter {
    pub(crate) id: Uuid,
    pub(crate) queue: String,
    pub(crate) event_id: Option<Uuid>,
    pub(crate) event_type: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) reason: String,
    pub(crate) attempts: i32,
}

impl DeadLetter {
    /// Holds if the run itself has published this message.
    pub(crate) fn is_one_of(&self, poison: &[Poison]) -> bool {
        poison
            .iter()
            .any(|poison| poison.body == self.body && poison.queues.contains(&self.queue))
    }
}

#[derive(Debug, Clone, FromRow)]
pub(crate) struct User {
    pub(crate) email: String,
    pub(crate) name: String,
}

#[derive(Debug, Clone, FromRow)]
pub(crate) struct Order {
    pub(crate) user: Uuid,
    pub(crate) status: Symbol,
    pub(crate) payment: Symbol,
    pub(crate) stock: Symbol,
    pub(crate) compensation: Symbol,
    pub(crate) payment_method: Symbol,
    pub(crate) total_minor: i64,
    pub(crate) currency: Symbol,
    #[sqlx(skip)]
    pub(crate) lines: Vec<OrderLine>,
}

impl Order {
    pub(crate) fn is_sold(&self) -> bool {
        is_sold(&self.status)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct OrderLine {
    pub(crate) product: Uuid,
    pub(crate) quantity: i64,
    pub(crate) unit_price_minor: i64,
}

/// An idempotency key and the order that it has placed.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Key {
    pub(crate) user: Uuid,
    pub(crate) text: String,
    pub(crate) order: Option<Uuid>,
}

#[derive(Debug, Clone, FromRow)]
pub(crate) struct Payment {
    pub(crate) id: Uuid,
    pub(crate) state: Symbol,
    pub(crate) amount_minor: i64,
    pub(crate) currency: Symbol,
    pub(crate) refund: Option<Uuid>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub(crate) struct Product {
    pub(crate) initial: i64,
    pub(crate) restocked: i64,
    pub(crate) available: i64,
    pub(crate) reserved: i64,
    pub(crate) sold: i64,
}

#[derive(Debug, Clone, FromRow)]
pub(crate) struct Movement {
    pub(crate) product: Uuid,
    pub(crate) order: Option<Uuid>,
    pub(crate) kind: Symbol,
    pub(crate) quantity: i64,
}

#[derive(Debug, Clone, FromRow)]
pub(crate) struct Contact {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) sequence: i64,
}

#[derive(Debug, Clone, FromRow)]
pub(crate) struct Notification {
    pub(crate) id: Uuid,
    pub(crate) event: Uuid,
    pub(crate) kind: Symbol,
    pub(crate) order: Uuid,
    pub(crate) user: Option<Uuid>,
    pub(crate) mail: Symbol,
}

/// An event as analytics keeps it.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Stored {
    pub(crate) event: Uuid,
    pub(crate) event_type: Symbol,
    pub(crate) source: Symbol,
    pub(crate) subject: Uuid,
    pub(crate) sequence: i64,
    pub(crate) at: DateTime<Utc>,
}

/// Day and hour in UTC, and the type of the events counted.
pub(crate) type Hour = (NaiveDate, i16, Symbol);

/// The user's data in an event, as analytics keeps it.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct UserEvent {
    pub(crate) user: Uuid,
    pub(crate) sequence: i64,
    pub(crate) email: String,
    pub(crate) name: String,
}

/// A setting of the database server, as one service's connection sees it.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) service: &'static str,
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Evidence {
    /// Every event on record as published: publisher, id, and the rest.
    pub(crate) fn published(&self) -> impl Iterator<Item = (&'static str, Uuid, &Published)> {
        self.messaging
            .iter()
            .flat_map(|(service, messaging)| messaging.published.iter().map(|(id, event)| (*service, *id, event)))
    }

    /// The types of the events that a service has published, by subject.
    pub(crate) fn types_by_subject(&self, service: &str) -> HashMap<Uuid, Vec<&str>> {
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
}
