//! `PATCH /api/products/{id}`: admins. Stock is changed by a difference, never set: see [`ProductChange`].

use crate::{
    App,
    domain::product::{Product, ProductChange},
    error::Error,
    store,
};
use axum::extract::State;
use serde::Deserialize;
use shared::{
    context::Context,
    extract::{Json, Path},
    identity::Admin,
};
use uuid::Uuid;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChangeProduct {
    name: Option<String>,
    description: Option<String>,
    price_minor: Option<i64>,
    active: Option<bool>,
    stock_delta: Option<i64>,
}

pub(super) async fn handle(
    State(app): State<App>,
    Admin(_): Admin,
    context: Context,
    Path(id): Path<Uuid>,
    Json(body): Json<ChangeProduct>,
) -> Result<Json<Product>, Error> {
    let ChangeProduct {
        name,
        description,
        price_minor,
        active,
        stock_delta,
    } = body;
    let change = ProductChange {
        name,
        description,
        price_minor,
        active,
        stock_delta,
    }
    .checked()?;
    let mut tx = app.database.begin(&context).await?;
    let product = store::change(&mut tx, id, &change).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    Ok(Json(product))
}
