//! `GET /api/products/{id}`: anyone. A product that is no longer sold is still there, for those who once ordered it.

use crate::{App, domain::product::Product, error::Error, store};
use axum::extract::State;
use shared::extract::{Json, Path};
use uuid::Uuid;

pub(super) async fn handle(State(app): State<App>, Path(id): Path<Uuid>) -> Result<Json<Product>, Error> {
    let found = store::with_ids(&mut *app.database.acquire().await?, &[id]).await?.pop();
    found.map(Json).ok_or(Error::NotFound)
}
