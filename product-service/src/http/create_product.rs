//! `POST /api/products`, for administrators.

use crate::{
    app::App,
    domain::{ids::ProductId, product::NewProduct},
    error::Error,
    store,
};
use axum::{
    extract::State,
    http::{StatusCode, header::LOCATION},
    response::{AppendHeaders, IntoResponse},
};
use kernel::context::Context;
use messaging::Tx;
use serde::Deserialize;
use web::{extract::Json, identity::Admin};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateProduct {
    name: String,
    #[serde(default)]
    description: String,
    price_minor: i64,
    currency: String,
    #[serde(default)]
    stock: i64,
}

pub(super) async fn create_product(
    State(app): State<App>,
    Admin(_): Admin,
    context: Context,
    Json(body): Json<CreateProduct>,
) -> Result<impl IntoResponse, Error> {
    let new = NewProduct::new(
        &body.name,
        &body.description,
        body.price_minor,
        &body.currency,
        body.stock,
    )?;
    let mut tx = Tx::begin(&app.database, &context).await?;
    let product = store::insert(&mut tx, ProductId::new(), &new).await?;
    tx.commit().await?;
    let location = format!("/api/products/{}", product.id);
    Ok((
        StatusCode::CREATED,
        AppendHeaders([(LOCATION, location)]),
        Json(product),
    ))
}
