//! Events that the broker has dropped are restored from what their publishers have in `published`.

use crate::fixture::{Fixture, event, moment};
use kernel::id;
use sqlx::{Connection, PgConnection};

const REBUILD: &str = include_str!("../../rebuild.sql");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_restored_once_and_what_is_stored_is_left_alone() {
    let fixture = Fixture::new().await;
    let (subject, at) = (id::new(), moment("2027-01-15T08:30:00Z"));
    let stored = event("order.shipped", subject, 2, at);
    fixture.publish(&stored).await;
    fixture.wait_for_stored(1).await;

    let mut session = PgConnection::connect(&fixture.env.database_url).await.unwrap();
    let table = "create temporary table published_elsewhere (source text, event_id uuid, event_type text, subject uuid,
                 correlation_id text, created_at timestamptz)";
    sqlx::raw_sql(table).execute(&mut session).await.unwrap();
    for (event_id, event_type) in [(stored.metadata.event_id, "order.shipped"), (id::new(), "order.placed")] {
        sqlx::query("insert into published_elsewhere values ('order-service', $1, $2, $3, 'a-story', $4)")
            .bind(event_id)
            .bind(event_type)
            .bind(subject)
            .bind(at)
            .execute(&mut session)
            .await
            .unwrap();
    }
    for _ in 0..2 {
        sqlx::raw_sql(REBUILD).execute(&mut session).await.unwrap();
    }
    session.close().await.unwrap();

    let timeline = fixture.get(&format!("/api/analytics/timelines/{subject}")).await;
    let items = timeline["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{timeline}");
    assert_eq!(
        (&items[0]["type"], &items[0]["correlationId"]),
        (&"order.placed".into(), &"a-story".into())
    );
    assert_eq!(items[1]["data"]["step"], 2, "what was stored keeps its data");
    let counters = fixture.get("/api/analytics/counters?day=2027-01-15").await;
    for item in counters["items"].as_array().unwrap() {
        assert_eq!(item["hours"][8], 1, "{counters}");
    }
    assert_eq!(counters["items"].as_array().unwrap().len(), 2, "{counters}");
}
