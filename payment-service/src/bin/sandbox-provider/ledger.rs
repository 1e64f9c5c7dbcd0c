//! The ledger: an append-only file of JSON lines, and the charges and refunds by key that follow from them.

mod error;
mod record;

pub(crate) use error::LedgerError;
pub(crate) use record::{Charge, ChargeRecord, KnownCharge, Refund, RefundRecord};

use error::OpenError;
use kernel::clock;
use record::{Entry, Line};
use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

/// Charges and refunds by key, backed by the log.
#[derive(Debug)]
pub(crate) struct Ledger {
    file: File,
    charges: HashMap<String, KnownCharge>,
    refunds: HashMap<String, RefundRecord>,
    /// Set by a failed write, which may have left half a line that may be on the disk: every request fails until a new
    /// process has replayed the file.
    broken: bool,
}

impl Ledger {
    /// Opens and replays the log. A torn last line was never answered, and is truncated.
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
            let line: Line = serde_json::from_slice(line).map_err(|source| OpenError::Line {
                path: path.to_owned(),
                line: index + 1,
                source,
            })?;
            ledger.index(line.entry);
        }
        Ok(ledger)
    }

    /// Returns the charge with this key.
    pub(crate) fn find_charge(&self, key: &str) -> Result<Option<&KnownCharge>, LedgerError> {
        self.check_usable()?;
        Ok(self.charges.get(key))
    }

    /// Returns the refund with this key.
    pub(crate) fn find_refund(&self, key: &str) -> Result<Option<&RefundRecord>, LedgerError> {
        self.check_usable()?;
        Ok(self.refunds.get(key))
    }

    /// Captures, or declines if there is a reason to; the same key returns the same record again. Nothing is captured under a
    /// voided key.
    pub(crate) fn charge(
        &mut self,
        key: &str,
        charge: Charge,
        decline_reason: Option<&str>,
    ) -> Result<KnownCharge, LedgerError> {
        self.check_usable()?;
        match self.charges.get(key) {
            Some(KnownCharge::Made(known)) if known.charge != charge => return Err(LedgerError::KeyReused),
            Some(known) => return Ok(known.clone()),
            None => {}
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
        Ok(KnownCharge::Made(record))
    }

    /// Closes a key that was never used, so that nothing is captured under it; returns what is known under a used one.
    pub(crate) fn void(&mut self, key: &str) -> Result<KnownCharge, LedgerError> {
        self.check_usable()?;
        if let Some(known) = self.charges.get(key) {
            return Ok(known.clone());
        }
        self.append(Entry::Void { key: key.to_owned() })?;
        Ok(KnownCharge::Voided)
    }

    /// Refunds, never more than was captured; the same key returns the same record again.
    pub(crate) fn refund(&mut self, key: &str, refund: Refund) -> Result<RefundRecord, LedgerError> {
        self.check_usable()?;
        if let Some(known) = self.refunds.get(key) {
            return if known.refund == refund {
                Ok(known.clone())
            } else {
                Err(LedgerError::KeyReused)
            };
        }
        let charge = match self.charges.get(&refund.charge_key) {
            Some(KnownCharge::Made(record)) if record.reason.is_none() => &record.charge,
            _ => return Err(LedgerError::NoSuchCharge),
        };
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

    /// Reads the log from the disk.
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

    fn check_usable(&self) -> Result<(), LedgerError> {
        if self.broken { Err(LedgerError::Broken) } else { Ok(()) }
    }

    /// Writes an entry: on the disk first, then in memory, and only then is it answered.
    fn append(&mut self, entry: Entry) -> Result<(), LedgerError> {
        let line = Line {
            at: Some(clock::now()),
            entry,
        };
        let mut text = serde_json::to_vec(&line).map_err(std::io::Error::from)?;
        text.push(b'\n');
        self.broken = true;
        self.file.write_all(&text)?;
        self.file.sync_data()?;
        self.broken = false;
        self.index(line.entry);
        Ok(())
    }

    fn index(&mut self, entry: Entry) {
        match entry {
            Entry::Capture(record) | Entry::Decline(record) => {
                self.charges.insert(record.key.clone(), KnownCharge::Made(record));
            }
            Entry::Void { key } => {
                self.charges.insert(key, KnownCharge::Voided);
            }
            Entry::Refund(record) => {
                self.refunds.insert(record.key.clone(), record);
            }
        }
    }
}

#[cfg(test)]
mod tests;
