//! Idempotency keys, limits of refunds, and replays of the log.

use super::*;
use std::path::PathBuf;

fn log_path() -> PathBuf {
    std::env::temp_dir().join(format!("provider-{}.jsonl", kernel::id::new()))
}

fn charge(amount_minor: i64) -> Charge {
    Charge {
        amount_minor,
        currency: "USD".to_owned(),
        payment_method: "pm_ok".to_owned(),
        reference: "order-1".to_owned(),
    }
}

fn refund(amount_minor: i64) -> Refund {
    Refund {
        charge_key: "k".to_owned(),
        amount_minor,
    }
}

#[test]
fn a_repeated_key_charges_once_and_another_body_is_refused() {
    let path = log_path();
    let mut ledger = Ledger::open(&path).unwrap();
    let first = ledger.charge("k", charge(500), None).unwrap();
    assert_eq!(ledger.charge("k", charge(500), None).unwrap(), first);
    assert!(matches!(
        ledger.charge("k", charge(501), None),
        Err(LedgerError::KeyReused)
    ));
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn refunds_never_exceed_the_captured_amount() {
    let path = log_path();
    let mut ledger = Ledger::open(&path).unwrap();
    assert!(matches!(ledger.refund("r0", refund(1)), Err(LedgerError::NoSuchCharge)));
    ledger.charge("k", charge(500), None).unwrap();
    ledger.refund("r1", refund(300)).unwrap();
    assert!(matches!(
        ledger.refund("r2", refund(201)),
        Err(LedgerError::TooMuch { left_minor: 200 })
    ));
    assert_eq!(ledger.refund("r1", refund(300)).unwrap().refund.amount_minor, 300);
    ledger.refund("r3", refund(200)).unwrap();
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_declined_charge_cannot_be_refunded() {
    let path = log_path();
    let mut ledger = Ledger::open(&path).unwrap();
    ledger.charge("k", charge(500), Some("card_declined")).unwrap();
    assert!(matches!(ledger.refund("r", refund(1)), Err(LedgerError::NoSuchCharge)));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn nothing_is_captured_under_a_voided_key_and_a_captured_charge_is_not_voided() {
    let path = log_path();
    let mut ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.void("k").unwrap(), KnownCharge::Voided);
    assert_eq!(ledger.void("k").unwrap(), KnownCharge::Voided);
    assert_eq!(ledger.charge("k", charge(500), None).unwrap(), KnownCharge::Voided);
    assert!(matches!(ledger.refund("r", refund(1)), Err(LedgerError::NoSuchCharge)));
    let captured = ledger.charge("other", charge(500), None).unwrap();
    assert_eq!(ledger.void("other").unwrap(), captured);
    drop(ledger);

    let mut ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.charge("k", charge(500), None).unwrap(), KnownCharge::Voided);
    assert_eq!(ledger.find_charge("other").unwrap(), Some(&captured));
    assert_eq!(String::from_utf8(ledger.text().unwrap()).unwrap().lines().count(), 2);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_restart_replays_the_log_and_truncates_a_torn_line() {
    let path = log_path();
    let mut ledger = Ledger::open(&path).unwrap();
    let captured = ledger.charge("k", charge(500), None).unwrap();
    let refunded = ledger.refund("r", refund(500)).unwrap();
    ledger.file.write_all(b"{\"kind\":\"capture\",\"key\":\"torn").unwrap();
    drop(ledger);

    let mut ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.find_charge("k").unwrap(), Some(&captured));
    assert_eq!(ledger.find_refund("r").unwrap(), Some(&refunded));
    ledger.charge("next", charge(1), None).unwrap();
    assert_eq!(String::from_utf8(ledger.text().unwrap()).unwrap().lines().count(), 3);
    drop(ledger);
    assert!(Ledger::open(&path).is_ok());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn the_error_for_an_unreadable_line_names_its_number() {
    let path = log_path();
    std::fs::write(&path, "{}\n").unwrap();
    assert!(Ledger::open(&path).unwrap_err().to_string().contains("line 1"));
    std::fs::remove_file(path).unwrap();
}
