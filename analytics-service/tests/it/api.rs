//! The API: timelines, counters, access and refusals.

use crate::fixture::{Fixture, event, moment};
use kernel::id;
use reqwest::Method;
use serde_json::{Value, json};
use web::identity::Role;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeline_is_ordered_by_time_and_then_by_sequence() {
    let fixture = Fixture::new().await;
    let (subject, other) = (id::new(), id::new());
    // They arrive in another order than they happened; two have the same time.
    let events = [
        event("order.confirmed", subject, 3, moment("2026-01-01T12:00:02Z")),
        event("order.placed", subject, 1, moment("2026-01-01T12:00:00.000001Z")),
        event("order.shipped", subject, 4, moment("2026-01-01T12:00:03Z")),
        event("order.payment_received", subject, 2, moment("2026-01-01T12:00:02Z")),
        event("order.placed", other, 1, moment("2026-01-01T12:00:01Z")),
    ];
    for event in &events {
        fixture.publish(event).await;
    }
    fixture.wait_for_stored(5).await;
    let timeline = fixture.get(&format!("/api/analytics/timelines/{subject}")).await;
    assert_eq!(timeline["subject"], subject.to_string());
    let items = timeline["items"].as_array().unwrap();
    let types: Vec<_> = items.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "order.placed",
            "order.payment_received",
            "order.confirmed",
            "order.shipped"
        ]
    );
    assert_eq!(
        items[0],
        json!({
            "eventId": events[1].metadata.event_id,
            "type": "order.placed",
            "source": "order-service",
            "timestamp": "2026-01-01T12:00:00.000001Z",
            "correlationId": subject.to_string(),
            "sequence": 1,
            "data": { "step": 1 },
        })
    );
    let unknown = fixture.get(&format!("/api/analytics/timelines/{}", id::new())).await;
    assert_eq!(unknown["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_are_by_day_and_hour() {
    let fixture = Fixture::new().await;
    for (event_type, at) in [
        ("order.placed", "2026-01-01T00:00:00Z"),
        ("order.placed", "2026-01-01T00:59:59.999999Z"),
        ("order.placed", "2026-01-01T23:00:00Z"),
        ("order.placed", "2026-01-02T00:00:00Z"),
        ("order.shipped", "2026-01-01T05:00:00Z"),
    ] {
        fixture.publish(&event(event_type, id::new(), 1, moment(at))).await;
    }
    fixture.wait_for_stored(5).await;
    let total = fixture.get("/api/analytics/counters").await;
    assert_eq!(
        total["items"],
        json!([{ "type": "order.placed", "count": 4 }, { "type": "order.shipped", "count": 1 }])
    );
    let day = fixture.get("/api/analytics/counters?day=2026-01-01").await;
    assert_eq!(day["day"], "2026-01-01");
    assert_eq!(
        (&day["items"][0]["count"], &day["items"][1]["count"]),
        (&json!(3), &json!(1)),
        "{day}"
    );
    let hours = day["items"][0]["hours"].as_array().unwrap();
    assert_eq!(
        (hours.len(), &hours[0], &hours[1], &hours[23]),
        (24, &json!(2), &json!(0), &json!(1))
    );
    assert_eq!(
        fixture.get("/api/analytics/counters?day=2025-01-01").await["items"],
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_admins_have_access_and_invalid_queries_are_refused() {
    let fixture = Fixture::new().await;
    let timeline = format!("/api/analytics/timelines/{}", id::new());
    for path in [timeline.as_str(), "/api/analytics/counters"] {
        assert_eq!(fixture.get_as(Role::Customer, path).await.0, 403, "{path}");
        let anonymous = fixture.service.request(Method::GET, path).send().await.unwrap();
        assert_eq!(anonymous.status(), 401, "{path}");
    }
    for path in [
        "/api/analytics/timelines/nonsense",
        "/api/analytics/counters?day=yesterday",
    ] {
        let (status, problem) = fixture.get_as(Role::Admin, path).await;
        assert_eq!(status, 400, "{path}: {problem}");
        assert_ne!(problem["detail"], Value::Null, "{problem}");
    }
    let section = &fixture.service.status().await["events"];
    assert_eq!(section["partitions"], 8, "{section}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_timeline_shows_the_newest_thousand_events() {
    let fixture = Fixture::new().await;
    let subject = id::new();
    let start = moment("2026-01-01T00:00:00Z");
    let insert = "insert into events
        select current_date, gen_random_uuid(), 'user.updated', 'user-service', $1, 'c', n, $2 + n * interval '1 s',
               jsonb_build_object('data', n)
        from generate_series(1, 1200) n";
    sqlx::query(insert)
        .bind(subject)
        .bind(start)
        .execute(&fixture.service.database)
        .await
        .unwrap();
    let timeline = fixture.get(&format!("/api/analytics/timelines/{subject}")).await;
    let items = timeline["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0]["sequence"], &items[999]["sequence"]),
        (1_000, &json!(201), &json!(1_200))
    );
}
