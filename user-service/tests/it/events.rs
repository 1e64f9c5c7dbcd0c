//! One event for each change, in order, and none for what did not happen.

use crate::support::{World, at_once};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_told_once_and_as_the_row_has_it() {
    let world = World::new().await;
    let mut probe = world.bed.events().await;
    let ada = world.register("ada@example.com").await;
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
        let request = world
            .patch(&ada.identity, change)
            .header("x-correlation-id", format!("change-{nth}"));
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
        let updated = probe.wait_for_nth("user.updated", ada.id, nth).await;
        let row = sqlx::query!("select email, name from users where id = $1", ada.id)
            .fetch_one(&world.service.database)
            .await
            .unwrap();
        assert_eq!(
            updated.data,
            json!({"userId": ada.id, "email": row.email, "name": row.name})
        );
        assert_eq!(updated.metadata.correlation_id, format!("change-{nth}"));
        assert_eq!(updated.metadata.sequence, i64::try_from(nth).unwrap() + 1);
    }
    // The same again, and a refusal: nothing changed, nothing to tell.
    let same = json!({"name": " Ada ", "email": "A@B.example"});
    assert_eq!(
        world.patch(&ada.identity, &same).send().await.unwrap().status(),
        StatusCode::OK
    );
    let wrong = json!({"email": "nothing"});
    assert_eq!(
        world.patch(&ada.identity, &wrong).send().await.unwrap().status(),
        StatusCode::BAD_REQUEST
    );
    world.login("a@b.example").await;
    assert_eq!(world.published("user.registered", ada.id).await, 1);
    assert_eq!(world.published("user.updated", ada.id).await, 3);
    let all = sqlx::query_scalar!(r#"select count(*) as "count!" from published"#);
    assert_eq!(all.fetch_one(&world.service.database).await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_once_are_told_in_the_order_of_their_commits() {
    let world = World::new().await;
    let mut probe = world.bed.events().await;
    let ada = world.register("ada@example.com").await;
    let changes = (0..10).map(|number| world.patch(&ada.identity, &json!({"name": format!("Ada {number}")})));
    for answer in at_once(changes).await {
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let last = probe.wait_for_nth("user.updated", ada.id, 10).await;
    let name = sqlx::query_scalar!("select name from users where id = $1", ada.id);
    assert_eq!(
        last.data["name"],
        json!(name.fetch_one(&world.service.database).await.unwrap())
    );
    let sequences: Vec<i64> = probe.seen().iter().map(|event| event.metadata.sequence).collect();
    assert_eq!(sequences, (1..=11).collect::<Vec<_>>());
}
