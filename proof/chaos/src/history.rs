//! The clients' history: every request and its answer, one JSON line each, in the order of happening.
//!
//! A request without an answer is *unknown*: it may or may not have taken effect. That is why the request is recorded
//! before it is sent.

use platform_client::api::Item;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use uuid::Uuid;

/// One line of the history. `call` ties an answer to its request; `at_ms` counts from the start of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Record {
    /// A request is about to be sent.
    Asked {
        call: u64,
        at_ms: u64,
        /// Number of the customer; `None` for the administrator.
        customer: Option<u32>,
        request: Request,
    },
    Answered {
        call: u64,
        at_ms: u64,
        status: u16,
        body: String,
    },
    /// No answer came: the connection was refused, cut or timed out.
    Unanswered {
        call: u64,
        at_ms: u64,
        reason: String,
        /// `false` only if no connection could be made, so that the request cannot have reached the platform.
        sent: bool,
    },
}

/// The meaning of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(crate) enum Request {
    Register {
        email: String,
        name: String,
    },
    LogIn {
        email: String,
    },
    Rename {
        name: String,
    },
    CreateProduct {
        name: String,
        price_minor: i64,
        stock: i64,
    },
    Place {
        /// Idempotency key.
        key: Uuid,
        items: Vec<Item>,
        payment_method: String,
    },
    Cancel {
        order: Uuid,
    },
    Ship {
        order: Uuid,
    },
    Deliver {
        order: Uuid,
    },
    Read {
        path: String,
    },
}

/// Writes the history; shared by all clients.
#[derive(Debug)]
pub(crate) struct Recorder {
    file: Mutex<BufWriter<File>>,
    start: Instant,
    calls: AtomicU64,
}

impl Recorder {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: Mutex::new(BufWriter::new(File::create(path)?)),
            start: Instant::now(),
            calls: AtomicU64::new(0),
        })
    }

    /// Records a request that is about to be sent; returns the number of its call.
    pub(crate) fn asked(&self, customer: Option<u32>, request: Request) -> io::Result<u64> {
        let (call, at_ms) = (self.calls.fetch_add(1, Ordering::Relaxed), self.now_ms());
        self.write(&Record::Asked {
            call,
            at_ms,
            customer,
            request,
        })?;
        Ok(call)
    }

    pub(crate) fn answered(&self, call: u64, status: u16, body: &str) -> io::Result<()> {
        self.write(&Record::Answered {
            call,
            at_ms: self.now_ms(),
            status,
            body: body.to_owned(),
        })
    }

    pub(crate) fn unanswered(&self, call: u64, reason: String, sent: bool) -> io::Result<()> {
        self.write(&Record::Unanswered {
            call,
            at_ms: self.now_ms(),
            reason,
            sent,
        })
    }

    pub(crate) fn flush(&self) -> io::Result<()> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn write(&self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(&line)
    }
}
