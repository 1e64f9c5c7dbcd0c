//! `GET /api/users/me`: the caller.

use crate::{app::App, domain::User, error::Error, store};
use axum::extract::State;
use web::{extract::Json, identity::Identity};

pub(super) async fn get_me(State(app): State<App>, caller: Identity) -> Result<Json<User>, Error> {
    let user = store::users::find(&mut *app.database.acquire().await?, caller.user_id.into()).await?;
    user.map(Json).ok_or(Error::NoSuchUser)
}
