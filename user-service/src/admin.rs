//! The administrator's account, created from the configuration at the start.

use crate::{
    app::App,
    config::AdminAccount,
    domain::{Name, Role, UserId},
    error::Error,
    published::{Contact, UserRegistered},
    sessions,
    store::{self, users::NewUser},
};
use kernel::{chain, context::Context};
use messaging::Tx;
use std::time::Duration;

const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Makes sure that the account exists, has the role [`Role::Admin`], and has this password.
///
/// It waits for an unavailable database: a process that ended instead would only be started again, and later.
pub async fn ensure(app: &App, admin: &AdminAccount) -> Result<(), Error> {
    loop {
        match try_ensure(app, admin).await {
            Err(Error::Database(error)) if database::error::is_unavailable(&error) => {
                let error = chain(&error);
                tracing::warn!(
                    dependency = "postgres",
                    error,
                    "Waiting for the database to create the admin account"
                );
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            outcome => return outcome,
        }
    }
}

/// An existing account with another password or role gets these, and its sessions end: they began under other
/// credentials. A lock makes instances that start together take turns, and only the first finds something to do.
async fn try_ensure(app: &App, admin: &AdminAccount) -> Result<(), Error> {
    let mut tx = Tx::begin(&app.database, &Context::new()).await?;
    store::users::acquire_admin_lock(&mut tx).await?;
    match store::users::find_credentials(&mut *tx, &admin.email).await? {
        None => create(app, &mut tx, admin).await?,
        Some(known) => {
            let same_password = app
                .passwords
                .verify(&admin.password, Some(&known.password_hash))
                .await?;
            if same_password && known.user.role == Role::Admin {
                return Ok(());
            }
            promote(app, &mut tx, known.user.id, admin).await?;
        }
    }
    Ok(tx.commit().await?)
}

async fn create(app: &App, tx: &mut Tx, admin: &AdminAccount) -> Result<(), Error> {
    let name = Name::try_from("Administrator".to_owned()).expect("the word is visible");
    let password_hash = app.passwords.hash(&admin.password).await?;
    let new = NewUser {
        id: UserId::new(),
        email: &admin.email,
        name: &name,
        role: Role::Admin,
        password_hash: &password_hash,
    };
    let user = store::users::insert(tx, &new).await?;
    tx.emit(&UserRegistered(Contact::from(&user))).await?;
    tracing::info!(user.id = %user.id, "Admin account created");
    Ok(())
}

async fn promote(app: &App, tx: &mut Tx, user_id: UserId, admin: &AdminAccount) -> Result<(), Error> {
    let password_hash = app.passwords.hash(&admin.password).await?;
    store::users::make_admin(tx, user_id, &password_hash).await?;
    for ended in store::sessions::end_all(tx, user_id).await? {
        sessions::enqueue_cache_sync(tx, ended).await?;
    }
    tracing::warn!(user.id = %user_id, "Admin account changed: its role or password differed, and its sessions have ended");
    Ok(())
}
