//! Keys, limits and what a new process finds.

use super::*;

fn scratch() -> PathBuf {
    std::env::temp_dir().join(format!("provider-{}.jsonl", shared::id::new()))
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
fn one_key_is_one_charge_and_another_body_is_refused() {
    let path = scratch();
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
fn never_refunds_more_than_was_captured() {
    let path = scratch();
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
fn a_declined_charge_has_nothing_to_refund() {
    let path = scratch();
    let mut ledger = Ledger::open(&path).unwrap();
    ledger.charge("k", charge(500), Some("card_declined")).unwrap();
    assert!(matches!(ledger.refund("r", refund(1)), Err(LedgerError::NoSuchCharge)));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_new_process_knows_what_the_old_one_answered_and_drops_a_torn_line() {
    let path = scratch();
    let mut ledger = Ledger::open(&path).unwrap();
    let captured = ledger.charge("k", charge(500), None).unwrap();
    let given_back = ledger.refund("r", refund(500)).unwrap();
    ledger.file.write_all(b"{\"kind\":\"capture\",\"key\":\"torn").unwrap();
    drop(ledger);

    let mut ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.find_charge("k").unwrap(), Some(&captured));
    assert_eq!(ledger.find_refund("r").unwrap(), Some(&given_back));
    ledger.charge("next", charge(1), None).unwrap();
    assert_eq!(String::from_utf8(ledger.text().unwrap()).unwrap().lines().count(), 3);
    drop(ledger);
    assert!(Ledger::open(&path).is_ok());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_broken_line_in_the_middle_is_named() {
    let path = scratch();
    std::fs::write(&path, "{}\n").unwrap();
    assert!(Ledger::open(&path).unwrap_err().to_string().contains("line 1"));
    std::fs::remove_file(path).unwrap();
}
