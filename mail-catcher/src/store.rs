//! Storage of mails: one file per mail, and an index of them in memory.
//!
//! A file appears under its name only once it is complete and synced. Its first two lines are the SMTP envelope, which the
//! mail itself need not repeat; the rest is the mail as received.

use chrono::{DateTime, NaiveDateTime, Utc};
use mail_parser::MessageParser;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

const TO_LINE: &str = "X-Envelope-To: ";
const FROM_LINE: &str = "X-Envelope-From: ";
const ID_TIME: &str = "%Y%m%dT%H%M%S%.6fZ";

/// The sender and the recipients of the SMTP envelope.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
}

/// The headers of a mail, without its text.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    pub(crate) id: String,
    /// Recipients of the envelope, separated by commas.
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) subject: String,
    pub(crate) message_id: String,
    pub(crate) received_at: DateTime<Utc>,
}

/// A mail with its text.
#[derive(Debug, Serialize)]
pub(crate) struct Mail {
    #[serde(flatten)]
    pub(crate) summary: Summary,
    pub(crate) body: String,
}

/// The folder of mails. All its methods block.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    mails_max: usize,
    count: AtomicU32,
    index: Mutex<BTreeMap<String, Summary>>,
}

impl Store {
    /// Opens the folder, creating it if it does not exist, and indexes its mails.
    pub(crate) fn open(folder: &Path, mails_max: usize) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut index = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "tmp") {
                // Left behind by a kill before the mail was acknowledged.
                fs::remove_file(&path)?;
            } else if let Some(id) = id_of(&path) {
                index.insert(id.to_owned(), read(&path, id)?.summary);
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            mails_max,
            count: AtomicU32::new(0),
            index: Mutex::new(index),
        })
    }

    /// Stores a mail durably and returns its id. Ids sort by time.
    pub(crate) fn add(&self, envelope: &Envelope, mail: &[u8]) -> io::Result<String> {
        let count = self.count.fetch_add(1, Ordering::Relaxed) % 1_000_000;
        let id = format!("{}-{count:06}", kernel::clock::now().format(ID_TIME));
        let (temporary, path) = (self.folder.join(format!("{id}.tmp")), self.path(&id));
        let mut file = File::create_new(&temporary)?;
        write!(
            file,
            "{TO_LINE}{}\r\n{FROM_LINE}{}\r\n",
            envelope.to.join(", "),
            envelope.from
        )?;
        file.write_all(mail)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        // The rename is durable only once the folder is synced as well.
        File::open(&self.folder)?.sync_all()?;
        let summary = read(&path, &id)?.summary;
        self.lock().insert(id.clone(), summary);
        self.delete_oldest()?;
        Ok(id)
    }

    /// Lists mails, newest first, of all recipients or of one.
    pub(crate) fn list(&self, to: Option<&str>, limit: usize) -> Vec<Summary> {
        let wanted = |summary: &&Summary| to.is_none_or(|to| summary.is_for(to));
        self.lock().values().rev().filter(wanted).take(limit).cloned().collect()
    }

    /// Reads one mail with its text; `None` if the id is unknown.
    pub(crate) fn mail(&self, id: &str) -> io::Result<Option<Mail>> {
        // Only an indexed id becomes a path, so that a request cannot name another file.
        if !self.lock().contains_key(id) {
            return Ok(None);
        }
        match read(&self.path(id), id) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            mail => mail.map(Some),
        }
    }

    fn delete_oldest(&self) -> io::Result<()> {
        loop {
            let mut index = self.lock();
            if index.len() <= self.mails_max {
                return Ok(());
            }
            let Some((oldest, _)) = index.pop_first() else {
                return Ok(());
            };
            drop(index);
            fs::remove_file(self.path(&oldest))?;
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.eml"))
    }

    /// Locks the index. A poisoned lock is safe to use, since each change of the index is a single call.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Summary>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Summary {
    fn is_for(&self, address: &str) -> bool {
        self.to.split(", ").any(|to| to.eq_ignore_ascii_case(address))
    }
}

fn id_of(path: &Path) -> Option<&str> {
    let id = path.file_name()?.to_str()?.strip_suffix(".eml")?;
    received_at(id).map(|_| id)
}

fn received_at(id: &str) -> Option<DateTime<Utc>> {
    let (time, _) = id.rsplit_once('-')?;
    NaiveDateTime::parse_from_str(time, ID_TIME)
        .ok()
        .map(|time| time.and_utc())
}

fn read(path: &Path, id: &str) -> io::Result<Mail> {
    let raw = fs::read(path)?;
    let message = MessageParser::default().parse(&raw);
    let text = String::from_utf8_lossy(&raw);
    let mut lines = text.split("\r\n");
    let mut envelope = |name: &str| {
        lines
            .next()
            .and_then(|line| line.strip_prefix(name))
            .unwrap_or_default()
            .to_owned()
    };
    let (to, from) = (envelope(TO_LINE), envelope(FROM_LINE));
    let message = message.as_ref();
    let summary = Summary {
        id: id.to_owned(),
        to,
        from,
        subject: message
            .and_then(|message| message.subject())
            .unwrap_or_default()
            .to_owned(),
        message_id: message
            .and_then(|message| message.message_id())
            .unwrap_or_default()
            .to_owned(),
        received_at: received_at(id).unwrap_or_default(),
    };
    let body = message
        .and_then(|message| message.body_text(0))
        .unwrap_or_default()
        .into_owned();
    Ok(Mail { summary, body })
}
