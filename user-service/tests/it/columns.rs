//! Enums, and the columns that hold their values: a new value without its migration fails at its first row.

use crate::test_app::TestApp;
use user_service::domain::Role;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_column_of_the_role_allows_every_role() {
    let app = TestApp::new().await;
    let allowed = app.service.allowed_texts("users", "role").await;
    for role in Role::ALL {
        assert!(allowed.iter().any(|text| text == role.as_str()), "{role}: {allowed:?}");
    }
}
