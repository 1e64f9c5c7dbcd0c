//! `GET /api/products/{id}`, public. It shows inactive products too, for customers who once ordered them.

use crate::{
    app::App,
    domain::{ids::ProductId, product::Product},
    error::Error,
    store,
};
use axum::extract::State;
use web::extract::{Json, Path};

pub(super) async fn get_product(State(app): State<App>, Path(id): Path<ProductId>) -> Result<Json<Product>, Error> {
    let found = store::with_ids(&mut *app.database.acquire().await?, &[id]).await?.pop();
    found.map(Json).ok_or(Error::NotFound)
}
