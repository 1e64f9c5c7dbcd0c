//! `PATCH /api/products/{id}`, for administrators. Stock is changed by a difference, never set to a total: see
//! [`ProductChange`].

use crate::{
    app::App,
    domain::{
        ids::ProductId,
        product::{Product, ProductChange},
    },
    error::Error,
    store,
};
use axum::extract::State;
use kernel::context::Context;
use messaging::Tx;
use serde::Deserialize;
use web::{
    extract::{Json, Path},
    identity::Admin,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChangeProduct {
    name: Option<String>,
    description: Option<String>,
    price_minor: Option<i64>,
    active: Option<bool>,
    stock_delta: Option<i64>,
}

pub(super) async fn change_product(
    State(app): State<App>,
    Admin(_): Admin,
    context: Context,
    Path(id): Path<ProductId>,
    Json(body): Json<ChangeProduct>,
) -> Result<Json<Product>, Error> {
    let change = ProductChange {
        name: body.name,
        description: body.description,
        price_minor: body.price_minor,
        active: body.active,
        stock_delta: body.stock_delta,
    }
    .checked()?;
    let mut tx = Tx::begin(&app.database, &context).await?;
    let product = store::change(&mut tx, id, &change).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    Ok(Json(product))
}
