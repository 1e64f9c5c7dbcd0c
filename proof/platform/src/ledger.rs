//! The payment provider's own log: the independent record of where the money went.

use crate::{answer::Answer, error::HarnessError, platform::Platform};
use chrono::{DateTime, Utc};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// One line of the log. The keys are the platform's own: the payment's id and the refund's.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Entry {
    /// A charge that took money.
    Capture(Capture),
    /// A charge refused.
    Decline(Decline),
    /// Money given back.
    Refund(Refund),
    /// A charge called off before it arrived: nothing has moved, and nothing may under its key.
    Void(Void),
}

/// A charge that took money.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capture {
    /// Id of the payment.
    pub key: Uuid,
    /// Id of the order.
    pub reference: Uuid,
    /// Amount in minor units.
    pub amount_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Time at which the provider has captured it; absent in logs of an older version.
    pub at: Option<DateTime<Utc>>,
}

/// A charge that the provider declined.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Decline {
    /// Id of the payment.
    pub key: Uuid,
    /// Id of the order.
    pub reference: Uuid,
}

/// A refund of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// Id of the refund.
    pub key: Uuid,
    /// Id of the refunded payment.
    pub charge_key: Uuid,
    /// Id of the order.
    pub reference: Uuid,
    /// Amount in minor units.
    pub amount_minor: i64,
}

/// A charge called off before it arrived. The provider never learned of which order it was.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Void {
    /// Id of the payment.
    pub key: Uuid,
}

impl Entry {
    /// Key of the request that made this line.
    pub fn key(&self) -> Uuid {
        match self {
            Self::Capture(capture) => capture.key,
            Self::Decline(decline) => decline.key,
            Self::Refund(refund) => refund.key,
            Self::Void(void) => void.key,
        }
    }

    /// Id of the order; `None` for a void.
    pub fn order(&self) -> Option<Uuid> {
        match self {
            Self::Capture(capture) => Some(capture.reference),
            Self::Decline(decline) => Some(decline.reference),
            Self::Refund(refund) => Some(refund.reference),
            Self::Void(_) => None,
        }
    }
}

/// Every line of the log about one order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// In the order of the log.
    pub captures: Vec<Capture>,
    /// In the order of the log.
    pub declines: Vec<Decline>,
    /// In the order of the log.
    pub refunds: Vec<Refund>,
}

impl Account {
    /// Sum of what was taken and not given back, in minor units.
    pub fn kept_minor(&self) -> i64 {
        let captured: i64 = self.captures.iter().map(|capture| capture.amount_minor).sum();
        let refunded: i64 = self.refunds.iter().map(|refund| refund.amount_minor).sum();
        captured - refunded
    }

    /// Holds if this refund gives back the whole of a charge of this account.
    pub fn is_whole(&self, refund: &Refund) -> bool {
        let mut captures = self.captures.iter();
        captures.any(|capture| capture.key == refund.charge_key && capture.amount_minor == refund.amount_minor)
    }
}

/// The accounts of all orders that the log mentions, by order.
pub fn accounts(log: &[Entry]) -> HashMap<Uuid, Account> {
    let mut accounts: HashMap<Uuid, Account> = HashMap::new();
    for entry in log {
        let Some(order) = entry.order() else { continue };
        let account = accounts.entry(order).or_default();
        match entry.clone() {
            Entry::Capture(capture) => account.captures.push(capture),
            Entry::Decline(decline) => account.declines.push(decline),
            Entry::Refund(refund) => account.refunds.push(refund),
            Entry::Void(_) => {}
        }
    }
    accounts
}

/// Asks the provider for its log.
pub async fn fetch(platform: &Platform) -> Result<Vec<Entry>, HarnessError> {
    let base = platform.environment.get("PROVIDER_URL")?;
    let request = platform.request_to(base, Method::GET, "/log");
    let answer = Answer::patiently(request).await?.expect_status(StatusCode::OK)?;
    parse(&answer.body, Path::new("/log"))
}

/// Reads the log from the provider's file.
pub fn read_file(path: &Path) -> Result<Vec<Entry>, HarnessError> {
    let text = fs::read_to_string(path).map_err(|source| HarnessError::File {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path)
}

/// An incomplete last line was never acknowledged, and the provider itself forgets it.
fn parse(text: &str, path: &Path) -> Result<Vec<Entry>, HarnessError> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().enumerate().filter(|(_, line)| !line.is_empty());
    let parsed = lines.map(|(index, line)| {
        serde_json::from_str(line).map_err(|source| HarnessError::Line {
            path: PathBuf::from(path),
            line: index + 1,
            source,
        })
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_adds_up_captures_and_refunds() {
        let (order, charge) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let log = format!(
            r#"{{"kind":"void","key":"{order}"}}
{{"kind":"capture","at":"2027-01-15T08:00:00Z","key":"{charge}","reference":"{order}","amountMinor":500,"currency":"USD"}}
{{"kind":"refund","key":"{order}","chargeKey":"{charge}","reference":"{order}","amountMinor":500,"currency":"USD"}}
{{"kind":"capture","key":"#
        );
        let entries = parse(&log, Path::new("log")).expect("an incomplete last line is ignored");
        let accounts = accounts(&entries);
        let account = &accounts[&order];
        assert_eq!((accounts.len(), account.captures[0].at.is_some()), (1, true));
        assert_eq!(
            (account.captures.len(), account.refunds.len(), account.kept_minor()),
            (1, 1, 0)
        );
        assert!(account.is_whole(&account.refunds[0]));
        assert!(!Account::default().is_whole(&account.refunds[0]));
    }
}
