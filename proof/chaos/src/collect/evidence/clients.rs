//! The clients' requests and answers, call by call, from their history.

use crate::history::{Record, Request};
use platform_client::HarnessError;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};
use uuid::Uuid;

/// Statuses from 400 on that leave the effect of the request open: a time-out, a conflict with another try of the same
/// request, too early, and the client's going away.
const UNDECIDED: [u16; 4] = [408, 409, 425, 499];

/// Every call that may have changed something, in the order of sending.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    pub(crate) calls: Vec<Call>,
}

/// One request and its outcome.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) sent_ms: u64,
    pub(crate) customer: Option<u32>,
    pub(crate) request: Request,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The body is empty unless the status is 201.
    Answered { at_ms: u64, status: u16, body: String },
    /// No connection could be made.
    NeverSent,
    /// It may have taken effect, or still may.
    Unknown,
}

impl Call {
    /// Time of the successful answer.
    pub(crate) fn succeeded_ms(&self) -> Option<u64> {
        match self.outcome {
            Outcome::Answered { at_ms, status, .. } if (200..300).contains(&status) => Some(at_ms),
            _ => None,
        }
    }

    /// Holds if it has certainly had no effect.
    pub(crate) fn was_refused(&self) -> bool {
        match self.outcome {
            Outcome::Answered { status, .. } => (400..500).contains(&status) && !UNDECIDED.contains(&status),
            Outcome::NeverSent => true,
            Outcome::Unknown => false,
        }
    }

    /// Body of a 201 answer.
    pub(crate) fn created(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Answered { status: 201, body, .. } => Some(body),
            _ => None,
        }
    }

    /// Id of the created resource.
    pub(crate) fn created_id(&self) -> Option<Uuid> {
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
pub(crate) struct Created {
    pub(crate) price_minor: i64,
    pub(crate) stock: i64,
}

impl Clients {
    /// Products with a 201 answer.
    pub(crate) fn products(&self) -> HashMap<Uuid, Created> {
        let created = self.calls.iter().filter_map(|call| match call.request {
            Request::CreateProduct { price_minor, stock, .. } => {
                Some((call.created_id()?, Created { price_minor, stock }))
            }
            _ => None,
        });
        created.collect()
    }

    /// All tries to place an order, by their key.
    pub(crate) fn placings(&self) -> HashMap<Uuid, Vec<&Call>> {
        let mut placings: HashMap<Uuid, Vec<&Call>> = HashMap::new();
        for call in &self.calls {
            if let Request::Place { key, .. } = call.request {
                placings.entry(key).or_default().push(call);
            }
        }
        placings
    }

    /// The addresses, lower-case, with which each customer has tried to register.
    pub(crate) fn addresses(&self) -> HashMap<u32, HashSet<String>> {
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

/// Reads the history line by line, without the answers to reads: they are as large as all the rest, and prove nothing here.
pub(crate) fn read(path: &Path) -> Result<Clients, HarnessError> {
    let io = |source| HarnessError::File {
        path: path.to_owned(),
        source,
    };
    let mut calls = BTreeMap::new();
    for (index, line) in BufReader::new(File::open(path).map_err(io)?).lines().enumerate() {
        let record = serde_json::from_str(&line.map_err(io)?).map_err(|source| HarnessError::Line {
            path: path.to_owned(),
            line: index + 1,
            source,
        })?;
        add(&mut calls, record);
    }
    Ok(Clients {
        calls: calls.into_values().collect(),
    })
}

/// A call without a second line has an unknown outcome.
fn add(calls: &mut BTreeMap<u64, Call>, record: Record) {
    let (call, outcome) = match record {
        Record::Asked {
            request: Request::Read { .. } | Request::LogIn { .. },
            ..
        } => return,
        Record::Asked {
            call,
            at_ms: sent_ms,
            customer,
            request,
        } => {
            let sent = Call {
                sent_ms,
                customer,
                request,
                outcome: Outcome::Unknown,
            };
            calls.insert(call, sent);
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
    if let Some(sent) = calls.get_mut(&call) {
        sent.outcome = outcome;
    }
}
