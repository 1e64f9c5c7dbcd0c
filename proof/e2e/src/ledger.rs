//! The payment provider's own log: the witness of where the money went.

use crate::{answer::Answer, platform::Platform, trouble::Trouble};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use std::collections::HashMap;
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line {
    Capture(Capture),
    Decline,
    Refund(Refund),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Capture {
    key: String,
    amount_minor: i64,
    reference: Uuid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refund {
    charge_key: String,
    amount_minor: i64,
}

/// What the provider took and gave back for one order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// How many times it captured.
    pub captures: u32,
    /// How many times it refunded.
    pub refunds: u32,
    /// Sum of captures in minor units.
    pub captured_minor: i64,
    /// Sum of refunds in minor units.
    pub refunded_minor: i64,
}

/// The provider's account of every order that it was asked about.
pub async fn accounts(platform: &Platform) -> Result<HashMap<Uuid, Account>, Trouble> {
    let request = platform.request_to(&platform.provider, Method::GET, "/log");
    let log = Answer::patiently("reading the provider's log", request)
        .await?
        .expect(StatusCode::OK)?
        .body;
    let mut accounts: HashMap<Uuid, Account> = HashMap::new();
    let mut orders: HashMap<String, Uuid> = HashMap::new();
    for line in log.lines().filter(|line| !line.is_empty()) {
        match serde_json::from_str(line)? {
            Line::Decline => {}
            Line::Capture(capture) => {
                orders.insert(capture.key, capture.reference);
                let account = accounts.entry(capture.reference).or_default();
                account.captures += 1;
                account.captured_minor += capture.amount_minor;
            }
            Line::Refund(refund) => {
                let unknown = || Trouble::Disagreement(format!("a refund of {}, never captured", refund.charge_key));
                let order = orders.get(&refund.charge_key).ok_or_else(unknown)?;
                let account = accounts.entry(*order).or_default();
                account.refunds += 1;
                account.refunded_minor += refund.amount_minor;
            }
        }
    }
    Ok(accounts)
}
