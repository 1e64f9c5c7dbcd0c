//! The first admin, made from the environment at the start.

use crate::{
    App,
    config::AdminAccount,
    domain::Name,
    error::Error,
    events, sessions,
    store::{self, users::NewUser},
};
use shared::{context::Context, database::Tx, id, identity::Role, messaging::failure::is_database_away};
use std::time::Duration;
use uuid::Uuid;

const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// As [`ensure`], waiting for a database that is away: a service that ends because another has not started yet only
/// makes the start of both longer.
pub async fn ensure_when_possible(app: &App, admin: &AdminAccount) -> Result<(), Error> {
    loop {
        match ensure(app, admin).await {
            Err(Error::Database(error)) if is_database_away(&error) => {
                tracing::warn!(%error, "waiting for the database to make the admin");
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            outcome => return outcome,
        }
    }
}

/// Sees to it that the account exists, is an admin's, and has this password.
///
/// An account that exists with another password or role gets these, and its sessions end: whoever had it before, had it
/// as somebody else. Instances that start together take turns, and only the first finds something to do.
pub async fn ensure(app: &App, admin: &AdminAccount) -> Result<(), Error> {
    let mut tx = app.database.begin(&Context::new()).await?;
    store::users::take_admin_turn(&mut tx).await?;
    match store::users::find_credentials(&mut *tx, &admin.email).await? {
        None => create(app, &mut tx, admin).await?,
        Some(known) => {
            let same_password = app
                .passwords
                .matches(&admin.password, Some(&known.password_hash))
                .await?;
            if same_password && known.user.role == Role::Admin {
                return Ok(());
            }
            take_over(app, &mut tx, known.user.id, admin).await?;
        }
    }
    Ok(tx.commit().await?)
}

async fn create(app: &App, tx: &mut Tx, admin: &AdminAccount) -> Result<(), Error> {
    let name = Name::try_from("Administrator".to_owned()).expect("the word is visible");
    let password_hash = app.passwords.hash(&admin.password).await?;
    let new = NewUser {
        id: id::new(),
        email: &admin.email,
        name: &name,
        role: Role::Admin,
        password_hash: &password_hash,
    };
    let user = store::users::insert(tx, &new).await?;
    events::registered(tx, &user).await?;
    tracing::info!(user.id = %user.id, "the admin was made");
    Ok(())
}

async fn take_over(app: &App, tx: &mut Tx, user_id: Uuid, admin: &AdminAccount) -> Result<(), Error> {
    let password_hash = app.passwords.hash(&admin.password).await?;
    store::users::make_admin(tx, user_id, &password_hash).await?;
    for ended in store::sessions::end_all(tx, user_id).await? {
        sessions::mirror_soon(tx, ended).await?;
    }
    tracing::warn!(user.id = %user_id, "the admin's password or role was set anew, the account's sessions have ended");
    Ok(())
}
