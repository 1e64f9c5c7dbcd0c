//! The provider's memory: an append-only file of JSON lines, and what follows from them.

use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// What a client asks to be charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Charge {
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
    pub(crate) payment_method: String,
    /// The client's own name for it, e.g. its order's id.
    pub(crate) reference: String,
}

/// What a client asks to be given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refund {
    /// The key of the charge that is (in part) given back.
    pub(crate) charge_key: String,
    pub(crate) amount_minor: i64,
}

/// A charge that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChargeRecord {
    pub(crate) key: String,
    #[serde(flatten)]
    pub(crate) charge: Charge,
    /// Why it was declined; absent where it was captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// A refund that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefundRecord {
    pub(crate) key: String,
    #[serde(flatten)]
    pub(crate) refund: Refund,
    /// The reference of the charge, so that a reader can add up without joining.
    pub(crate) reference: String,
    pub(crate) currency: String,
}

/// One line of the log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Entry {
    Capture(ChargeRecord),
    Decline(ChargeRecord),
    Refund(RefundRecord),
}

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the log {path} cannot be opened: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("line {line} of the log {path} cannot be read: {source}")]
    Line {
        path: PathBuf,
        line: usize,
        source: serde_json::Error,
    },
}

/// Why a charge or refund is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    #[error("this Idempotency-Key was used with another body")]
    KeyReused,
    #[error("there is no captured charge with this key")]
    NoSuchCharge,
    #[error("more than was captured: {left_minor} is left to refund")]
    TooMuch { left_minor: i64 },
    #[error("an earlier write to the log failed; it is read again at the next start")]
    Broken,
    #[error("the log cannot be written: {0}")]
    Io(#[from] std::io::Error),
}

/// Charges and refunds by key, backed by the log.
#[derive(Debug)]
pub(crate) struct Ledger {
    file: File,
    charges: HashMap<String, ChargeRecord>,
    refunds: HashMap<String, RefundRecord>,
    /// A failed write may have left half a line, and nobody knows whether it is on the disk: nothing is answered until
    /// a new process has replayed the file.
    broken: bool,
}

impl Ledger {
    /// Replays the log. A torn last line was never answered for: it is cut off.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)
            .map_err(io)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(io)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(io)?;
            text.truncate(whole);
        }
        let mut ledger = Self {
            file,
            charges: HashMap::new(),
            refunds: HashMap::new(),
            broken: false,
        };
        for (index, line) in text
            .split(|&byte| byte == b'\n')
            .enumerate()
            .filter(|(_, line)| !line.is_empty())
        {
            let entry = serde_json::from_slice(line).map_err(|source| OpenError::Line {
                path: path.to_owned(),
                line: index + 1,
                source,
            })?;
            ledger.remember(entry);
        }
        Ok(ledger)
    }

    /// What was decided about the charge with this key.
    pub(crate) fn find_charge(&self, key: &str) -> Result<Option<&ChargeRecord>, LedgerError> {
        self.usable()?;
        Ok(self.charges.get(key))
    }

    /// The refund with this key.
    pub(crate) fn find_refund(&self, key: &str) -> Result<Option<&RefundRecord>, LedgerError> {
        self.usable()?;
        Ok(self.refunds.get(key))
    }

    /// Captures, or declines where there is a reason to; the same key gets the same answer again.
    pub(crate) fn charge(
        &mut self,
        key: &str,
        charge: Charge,
        decline_reason: Option<&str>,
    ) -> Result<ChargeRecord, LedgerError> {
        self.usable()?;
        if let Some(known) = self.charges.get(key) {
            return if known.charge == charge {
                Ok(known.clone())
            } else {
                Err(LedgerError::KeyReused)
            };
        }
        let record = ChargeRecord {
            key: key.to_owned(),
            charge,
            reason: decline_reason.map(str::to_owned),
        };
        self.append(match record.reason {
            None => Entry::Capture(record.clone()),
            Some(_) => Entry::Decline(record.clone()),
        })?;
        Ok(record)
    }

    /// Gives back, never more than was captured; the same key gets the same answer again.
    pub(crate) fn refund(&mut self, key: &str, refund: Refund) -> Result<RefundRecord, LedgerError> {
        self.usable()?;
        if let Some(known) = self.refunds.get(key) {
            return if known.refund == refund {
                Ok(known.clone())
            } else {
                Err(LedgerError::KeyReused)
            };
        }
        let charge = self
            .charges
            .get(&refund.charge_key)
            .filter(|charge| charge.reason.is_none());
        let charge = &charge.ok_or(LedgerError::NoSuchCharge)?.charge;
        let left_minor = charge.amount_minor - self.refunded_minor(&refund.charge_key);
        if refund.amount_minor > left_minor {
            return Err(LedgerError::TooMuch { left_minor });
        }
        let (reference, currency) = (charge.reference.clone(), charge.currency.clone());
        let record = RefundRecord {
            key: key.to_owned(),
            refund,
            reference,
            currency,
        };
        self.append(Entry::Refund(record.clone()))?;
        Ok(record)
    }

    /// The log as it stands on the disk.
    pub(crate) fn text(&mut self) -> Result<Vec<u8>, LedgerError> {
        let mut text = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut text)?;
        Ok(text)
    }

    fn refunded_minor(&self, charge_key: &str) -> i64 {
        let of_charge = self
            .refunds
            .values()
            .filter(|record| record.refund.charge_key == charge_key);
        of_charge.map(|record| record.refund.amount_minor).sum()
    }

    fn usable(&self) -> Result<(), LedgerError> {
        if self.broken { Err(LedgerError::Broken) } else { Ok(()) }
    }

    /// On the disk first, then in memory, then the answer.
    fn append(&mut self, entry: Entry) -> Result<(), LedgerError> {
        let mut line = serde_json::to_vec(&entry).map_err(std::io::Error::from)?;
        line.push(b'\n');
        self.broken = true;
        self.file.write_all(&line)?;
        self.file.sync_data()?;
        self.broken = false;
        self.remember(entry);
        Ok(())
    }

    fn remember(&mut self, entry: Entry) {
        match entry {
            Entry::Capture(record) | Entry::Decline(record) => {
                self.charges.insert(record.key.clone(), record);
            }
            Entry::Refund(record) => {
                self.refunds.insert(record.key.clone(), record);
            }
        }
    }
}

#[cfg(test)]
mod tests;
