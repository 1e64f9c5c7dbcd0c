//! Enums, and the columns that hold their values: a new value without its migration fails at its first row.

use crate::fixture::Fixture;
use product_service::domain::{State, stock::Movement};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_column_allows_the_values_of_its_enum() {
    let fixture = Fixture::new().await;
    let states = State::ALL.iter().map(|state| state.as_str());
    let movements = Movement::ALL.iter().map(|movement| movement.as_str());
    for (table, column, texts) in [
        ("reservations", "state", states.collect::<Vec<_>>()),
        ("stock_movements", "kind", movements.collect()),
    ] {
        let allowed = fixture.service.allowed_texts(table, column).await;
        for text in texts {
            assert!(allowed.iter().any(|allowed| allowed == text), "{text}: {allowed:?}");
        }
    }
}
