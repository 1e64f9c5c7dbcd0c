//! `GET /api/users/{id}`: oneself, or anyone for an admin. Another's is not found, as one that does not exist.

use crate::{App, domain::User, error::Error, store};
use axum::extract::State;
use shared::{
    extract::{Json, Path},
    identity::{Identity, Role},
};
use uuid::Uuid;

pub(super) async fn get_user(
    State(app): State<App>,
    caller: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<User>, Error> {
    if caller.user_id != id && caller.role != Role::Admin {
        return Err(Error::NoSuchUser);
    }
    let user = store::users::find(&mut *app.database.acquire().await?, id).await?;
    user.map(Json).ok_or(Error::NoSuchUser)
}
