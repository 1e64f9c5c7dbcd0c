//! Enums, and the columns that hold their values: a new value without its migration fails at its first row.

use crate::fixture::Fixture;
use payment_service::domain::State;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_column_of_the_state_allows_every_state() {
    let fixture = Fixture::new().await;
    let allowed = fixture.service.allowed_texts("payments", "state").await;
    for state in State::ALL {
        assert!(
            allowed.iter().any(|text| text == state.as_str()),
            "{state}: {allowed:?}"
        );
    }
}
