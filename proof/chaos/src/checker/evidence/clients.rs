//! What the clients asked for and heard, call by call.

use crate::{
    checker::CheckError,
    history::{Record, Request},
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};
use uuid::Uuid;

/// Statuses from 400 on that do not say whether the request has taken, or will take, effect: a time-out, a conflict with
/// another try of the same request, too early, and the client's going away.
const UNDECIDED: [u16; 4] = [408, 409, 425, 499];

/// Every call that may have changed something, in the order of asking.
#[derive(Debug, Default)]
pub(in crate::checker) struct Clients {
    pub(in crate::checker) calls: Vec<Call>,
}

/// One request and what became of it.
#[derive(Debug, Clone)]
pub(in crate::checker) struct Call {
    pub(in crate::checker) asked_ms: u64,
    pub(in crate::checker) customer: Option<u32>,
    pub(in crate::checker) request: Request,
    pub(in crate::checker) outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::checker) enum Outcome {
    /// The body is kept only where something was created.
    Answered { at_ms: u64, status: u16, body: String },
    /// No connection could be made.
    NeverSent,
    /// It may have taken effect, or still may.
    Unknown,
}

impl Call {
    /// When the good answer came, if it did.
    pub(in crate::checker) fn succeeded_ms(&self) -> Option<u64> {
        match self.outcome {
            Outcome::Answered { at_ms, status, .. } if (200..300).contains(&status) => Some(at_ms),
            _ => None,
        }
    }

    /// Whether it has certainly had no effect.
    pub(in crate::checker) fn was_refused(&self) -> bool {
        match self.outcome {
            Outcome::Answered { status, .. } => (400..500).contains(&status) && !UNDECIDED.contains(&status),
            Outcome::NeverSent => true,
            Outcome::Unknown => false,
        }
    }

    /// What it created, where the answer was 201.
    pub(in crate::checker) fn created(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Answered { status: 201, body, .. } => Some(body),
            _ => None,
        }
    }

    /// The id of what it created.
    pub(in crate::checker) fn created_id(&self) -> Option<Uuid> {
        #[derive(Deserialize)]
        struct Created {
            id: Uuid,
        }
        let Created { id } = serde_json::from_str(self.created()?).ok()?;
        Some(id)
    }
}

/// A product as the administrator created it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checker) struct Created {
    pub(in crate::checker) price_minor: i64,
    pub(in crate::checker) stock: i64,
}

impl Clients {
    /// The products that were certainly created.
    pub(in crate::checker) fn products(&self) -> HashMap<Uuid, Created> {
        let created = self.calls.iter().filter_map(|call| match call.request {
            Request::CreateProduct { price_minor, stock, .. } => {
                Some((call.created_id()?, Created { price_minor, stock }))
            }
            _ => None,
        });
        created.collect()
    }

    /// All tries to place an order, by their key.
    pub(in crate::checker) fn placings(&self) -> HashMap<Uuid, Vec<&Call>> {
        let mut placings: HashMap<Uuid, Vec<&Call>> = HashMap::new();
        for call in &self.calls {
            if let Request::Place { key, .. } = call.request {
                placings.entry(key).or_default().push(call);
            }
        }
        placings
    }

    /// The addresses, lower-case, with which each customer has asked to be registered.
    pub(in crate::checker) fn addresses(&self) -> HashMap<u32, HashSet<String>> {
        let mut addresses: HashMap<u32, HashSet<String>> = HashMap::new();
        for call in &self.calls {
            if let (Some(customer), Request::Register { email, .. }) = (call.customer, &call.request) {
                addresses
                    .entry(customer)
                    .or_default()
                    .insert(email.trim().to_ascii_lowercase());
            }
        }
        addresses
    }
}

/// Reads the history line by line: the answers to mere reading are as large as all the rest, and say nothing here.
pub(super) fn read(path: &Path) -> Result<Clients, CheckError> {
    let io = |source| CheckError::File {
        path: path.to_owned(),
        source,
    };
    let mut calls = BTreeMap::new();
    for (index, line) in BufReader::new(File::open(path).map_err(io)?).lines().enumerate() {
        let record = serde_json::from_str(&line.map_err(io)?).map_err(|source| CheckError::Line {
            path: path.to_owned(),
            line: index + 1,
            source,
        })?;
        note(&mut calls, record);
    }
    Ok(Clients {
        calls: calls.into_values().collect(),
    })
}

/// A call without a second line is unknown.
fn note(calls: &mut BTreeMap<u64, Call>, record: Record) {
    let (call, outcome) = match record {
        Record::Asked {
            request: Request::Read { .. } | Request::LogIn { .. },
            ..
        } => return,
        Record::Asked {
            call,
            at_ms: asked_ms,
            customer,
            request,
        } => {
            let asked = Call {
                asked_ms,
                customer,
                request,
                outcome: Outcome::Unknown,
            };
            calls.insert(call, asked);
            return;
        }
        Record::Answered {
            call,
            at_ms,
            status,
            body,
        } => {
            let body = if status == 201 { body } else { String::new() };
            (call, Outcome::Answered { at_ms, status, body })
        }
        Record::Unanswered { call, sent: false, .. } => (call, Outcome::NeverSent),
        Record::Unanswered { call, sent: true, .. } => (call, Outcome::Unknown),
    };
    if let Some(asked) = calls.get_mut(&call) {
        asked.outcome = outcome;
    }
}
