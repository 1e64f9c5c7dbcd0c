//! What the clients asked and heard, one JSON line for each fact, in the order of happening.
//!
//! A request without an answer is *unknown*: it may or may not have taken effect. That is why the request is written
//! down before it is sent.

use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
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
pub enum Record {
    /// A request is about to be sent.
    Asked {
        /// Which call.
        call: u64,
        /// When.
        at_ms: u64,
        /// Who asks: the number of a customer; `None` for the administrator.
        customer: Option<u32>,
        /// What for.
        request: Request,
    },
    /// Its answer, whole.
    Answered {
        /// Which call.
        call: u64,
        /// When.
        at_ms: u64,
        /// HTTP status.
        status: u16,
        /// The body as it came.
        body: String,
    },
    /// No answer came: refused, cut or timed out.
    Unanswered {
        /// Which call.
        call: u64,
        /// When.
        at_ms: u64,
        /// Why, in the client's words.
        reason: String,
        /// Whether the request may have reached the platform; `false` only if no connection could be made.
        sent: bool,
    },
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Request {
    /// `POST /api/users`
    Register {
        /// E-mail address, new for each customer.
        email: String,
        /// Display name.
        name: String,
    },
    /// `POST /api/auth/login`
    LogIn {
        /// E-mail address.
        email: String,
    },
    /// `PATCH /api/users/me`
    Rename {
        /// The new display name.
        name: String,
    },
    /// `POST /api/products`, by the administrator
    CreateProduct {
        /// Its name.
        name: String,
        /// Its price.
        price_minor: i64,
        /// How many pieces there are.
        stock: i64,
    },
    /// `POST /api/orders`
    Place {
        /// The `Idempotency-Key`.
        key: Uuid,
        /// What is ordered.
        items: Vec<Item>,
        /// How the provider will behave.
        payment_method: String,
    },
    /// `POST /api/orders/{id}/cancel`
    Cancel {
        /// The order.
        order: Uuid,
    },
    /// `POST /api/orders/{id}/ship`, by the administrator
    Ship {
        /// The order.
        order: Uuid,
    },
    /// `POST /api/orders/{id}/deliver`, by the administrator
    Deliver {
        /// The order.
        order: Uuid,
    },
    /// `GET` of this path
    Read {
        /// The path.
        path: String,
    },
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Which product.
    pub product: Uuid,
    /// How many pieces.
    pub quantity: u32,
}

/// Writes the history. Shared by all clients.
#[derive(Debug)]
pub struct Recorder {
    file: Mutex<BufWriter<File>>,
    start: Instant,
    calls: AtomicU64,
}

impl Recorder {
    /// A new history in this file.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: Mutex::new(BufWriter::new(File::create(path)?)),
            start: Instant::now(),
            calls: AtomicU64::new(0),
        })
    }

    /// A request is about to be sent; returns the number of its call.
    pub fn asked(&self, customer: Option<u32>, request: Request) -> io::Result<u64> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let at_ms = self.now_ms();
        self.write(&Record::Asked {
            call,
            at_ms,
            customer,
            request,
        })?;
        Ok(call)
    }

    /// The answer came.
    pub fn answered(&self, call: u64, status: u16, body: &str) -> io::Result<()> {
        self.write(&Record::Answered {
            call,
            at_ms: self.now_ms(),
            status,
            body: body.to_owned(),
        })
    }

    /// No answer came.
    pub fn unanswered(&self, call: u64, reason: &str, sent: bool) -> io::Result<()> {
        self.write(&Record::Unanswered {
            call,
            at_ms: self.now_ms(),
            reason: reason.to_owned(),
            sent,
        })
    }

    /// Milliseconds since the start of the history.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Everything so far is in the file.
    pub fn flush(&self) -> io::Result<()> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).flush()
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

/// Reads a history back.
pub fn read(path: &Path) -> io::Result<Vec<Record>> {
    BufReader::new(File::open(path)?)
        .lines()
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect()
}
