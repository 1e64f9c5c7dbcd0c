//! `GET /api/users/{id}`: the caller, or for an admin any user. For other callers another user does not exist.

use crate::{
    app::App,
    domain::{User, UserId},
    error::Error,
    store,
};
use axum::extract::State;
use web::{
    extract::{Json, Path},
    identity::{Identity, Role},
};

pub(super) async fn get_user(
    State(app): State<App>,
    caller: Identity,
    Path(id): Path<UserId>,
) -> Result<Json<User>, Error> {
    if caller.user_id != id.uuid() && caller.role != Role::Admin {
        return Err(Error::NoSuchUser);
    }
    let user = store::users::find(&mut *app.database.acquire().await?, id).await?;
    user.map(Json).ok_or(Error::NoSuchUser)
}
