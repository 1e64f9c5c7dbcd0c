//! Access to `GET /api/__entities__/{id}`.

use crate::fixture::{Fixture, __consumed_event__};
use kernel::id;
use reqwest::Method;
use serde_json::{Value, json};
use web::identity::Role;

#[tokio::test]
async fn an_admin_sees_the_row() {
    let fixture = Fixture::new().await;
    let __subject_id__ = id::new();
    fixture.deliver(&__consumed_event__(__subject_id__)).await;
    let __entity_id__ = fixture.id_of(__subject_id__).await;

    let admin = fixture.env.identity(id::new(), Role::Admin);
    let path = format!("/api/__entities__/{__entity_id__}");
    let answer = fixture.service.get(&path, &admin).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["__entityId__"], json!(__entity_id__));
    assert_eq!(body["__subjectId__"], json!(__subject_id__));
    assert!(body["createdAt"].is_string());
}

#[tokio::test]
async fn other_callers_and_malformed_requests_get_a_problem() {
    let fixture = Fixture::new().await;
    let service = &fixture.service;
    let admin = fixture.env.identity(id::new(), Role::Admin);
    let customer = fixture.env.identity(id::new(), Role::Customer);
    let path = format!("/api/__entities__/{}", id::new());
    for (request, status) in [
        (service.request(Method::GET, &path), 401),
        (service.get(&path, &customer), 403),
        (service.get(&path, &admin), 404),
        (service.get("/api/__entities__/7", &admin), 400),
        (service.post(&path, &admin), 405),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], status);
    }
}
