//! Enums, and the columns and schemas that hold their values: a new value without its migration fails at its first row.

use crate::fixture::Fixture;
use order_service::domain::{Compensation, Payment, Reason, Status, Stock};
use serde_json::Value;
use std::collections::BTreeSet;

macro_rules! texts {
    ($Enum:ty) => {
        <$Enum>::ALL.iter().map(|value| value.as_str()).collect::<BTreeSet<_>>()
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_column_allows_the_values_of_its_enum() {
    let fixture = Fixture::new().await;
    for (column, texts) in [
        ("status", texts!(Status)),
        ("payment", texts!(Payment)),
        ("stock", texts!(Stock)),
        ("compensation", texts!(Compensation)),
        ("reason", texts!(Reason)),
    ] {
        let allowed = fixture.service.allowed_texts("orders", column).await;
        assert_eq!(
            allowed.iter().map(String::as_str).collect::<BTreeSet<_>>(),
            texts,
            "{column}"
        );
    }
}

#[test]
fn each_reason_is_in_the_schema_of_the_event_that_carries_it() {
    let schemas = [
        include_str!("../../contracts/order.failed.v1.schema.json"),
        include_str!("../../contracts/order.cancelled.v1.schema.json"),
    ];
    let schemas = schemas.map(|text| serde_json::from_str::<Value>(text).unwrap());
    let reasons = schemas.iter().flat_map(|schema| {
        let reasons = schema.pointer("/properties/data/properties/reason/enum");
        reasons.and_then(Value::as_array).unwrap()
    });
    let reasons: BTreeSet<_> = reasons.map(|reason| reason.as_str().unwrap()).collect();
    assert_eq!(reasons, texts!(Reason));
}
