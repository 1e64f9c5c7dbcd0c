//! The events of accounts: one for each change, in order, and none without a change.

use crate::{
    requests::{expect_status, send_all},
    test_app::TestApp,
};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn each_change_publishes_one_event_with_the_values_of_the_row() {
    let app = TestApp::new().await;
    let mut probe = app.env.events().await;
    let ada = app.register("ada@example.com").await;
    let registered = probe.wait_for("user.registered", ada.id).await;
    assert_eq!(
        registered.data,
        json!({"userId": ada.id, "email": "ada@example.com", "name": "Ada Lovelace"})
    );
    assert_eq!(
        (registered.metadata.source.as_str(), registered.metadata.sequence),
        ("user-service", 1)
    );

    let changes = [
        json!({"name": "Ada King"}),
        json!({"email": "king@example.com"}),
        json!({"name": "Ada", "email": "a@b.example"}),
    ];
    for (change, nth) in changes.iter().zip(1..) {
        let request = app.update_request(&ada.identity, change);
        let request = request.header("x-correlation-id", format!("change-{nth}"));
        expect_status(request, StatusCode::OK).await;
        let updated = probe.wait_for_nth("user.updated", ada.id, nth).await;
        let row = sqlx::query!("select email, name from users where id = $1", ada.id)
            .fetch_one(&app.service.database)
            .await
            .unwrap();
        assert_eq!(
            updated.data,
            json!({"userId": ada.id, "email": row.email, "name": row.name})
        );
        assert_eq!(updated.metadata.correlation_id, format!("change-{nth}"));
        assert_eq!(updated.metadata.sequence, i64::try_from(nth).unwrap() + 1);
    }
    // Neither a change to the same values, nor a refused one, nor a log-in publishes an event.
    app.update(&ada, json!({"name": " Ada ", "email": "A@B.example"})).await;
    let wrong = app.update_request(&ada.identity, &json!({"email": "nothing"}));
    expect_status(wrong, StatusCode::BAD_REQUEST).await;
    app.log_in("a@b.example").await;
    assert_eq!(app.published("user.registered", ada.id).await, 1);
    assert_eq!(app.published("user.updated", ada.id).await, 3);
    let all = sqlx::query_scalar!(r#"select count(*) as "count!" from published"#);
    assert_eq!(all.fetch_one(&app.service.database).await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_are_published_in_the_order_of_their_commits() {
    let app = TestApp::new().await;
    let mut probe = app.env.events().await;
    let ada = app.register("ada@example.com").await;
    let changes = (0..10).map(|number| app.update_request(&ada.identity, &json!({"name": format!("Ada {number}")})));
    for answer in send_all(changes).await {
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let last = probe.wait_for_nth("user.updated", ada.id, 10).await;
    let name = sqlx::query_scalar!("select name from users where id = $1", ada.id);
    assert_eq!(
        last.data["name"],
        json!(name.fetch_one(&app.service.database).await.unwrap())
    );
    let sequences: Vec<i64> = probe.seen().iter().map(|event| event.metadata.sequence).collect();
    assert_eq!(sequences, (1..=11).collect::<Vec<_>>());
}
