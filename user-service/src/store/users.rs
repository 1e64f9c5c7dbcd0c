//! The `users` table.

use crate::domain::{Email, Name, Role, User, UserId};
use sqlx::{PgConnection, PgExecutor};

/// Name of the unique constraint on the e-mail address.
pub const EMAIL_TAKEN: &str = "users_email_key";

/// A user with the hash of the password, to verify a log-in.
#[derive(Clone)]
pub struct Credentials {
    pub user: User,
    /// A PHC string.
    pub password_hash: String,
}

/// An account to insert.
pub struct NewUser<'a> {
    pub id: UserId,
    pub email: &'a Email,
    pub name: &'a Name,
    /// The role, which is never taken from a request.
    pub role: Role,
    /// A PHC string.
    pub password_hash: &'a str,
}

/// Inserts an account. Violates [`EMAIL_TAKEN`] if the e-mail address belongs to another.
pub async fn insert(conn: &mut PgConnection, new: &NewUser<'_>) -> Result<User, sqlx::Error> {
    sqlx::query_as!(
        User,
        r#"insert into users (id, email, name, role, password_hash) values ($1, $2, $3, $4, $5)
           returning id, email, name, role as "role: Role", created_at, updated_at"#,
        new.id.uuid(),
        new.email.as_str(),
        new.name.as_str(),
        new.role as Role,
        new.password_hash,
    )
    .fetch_one(conn)
    .await
}

pub async fn find(executor: impl PgExecutor<'_>, id: UserId) -> Result<Option<User>, sqlx::Error> {
    sqlx::query_as!(
        User,
        r#"select id, email, name, role as "role: Role", created_at, updated_at from users where id = $1"#,
        id.uuid()
    )
    .fetch_optional(executor)
    .await
}

/// Returns a user, locked until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: UserId) -> Result<Option<User>, sqlx::Error> {
    sqlx::query_as!(
        User,
        r#"select id, email, name, role as "role: Role", created_at, updated_at from users where id = $1 for update"#,
        id.uuid()
    )
    .fetch_optional(conn)
    .await
}

/// Returns the user with this e-mail address, and the hash of the password.
pub async fn find_credentials(
    executor: impl PgExecutor<'_>,
    email: &Email,
) -> Result<Option<Credentials>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select id, email, name, role as "role: Role", created_at, updated_at, password_hash
           from users where email = $1"#,
        email.as_str()
    )
    .fetch_optional(executor)
    .await?;
    Ok(row.map(|row| Credentials {
        user: User {
            id: row.id.into(),
            email: row.email,
            name: row.name,
            role: row.role,
            created_at: row.created_at,
            updated_at: row.updated_at,
        },
        password_hash: row.password_hash,
    }))
}

/// Locks a user until the end of the transaction, unless e-mail address, role or password have changed since they were read.
/// Returns `false` if one has.
pub async fn lock_if_unchanged(conn: &mut PgConnection, credentials: &Credentials) -> Result<bool, sqlx::Error> {
    let locked = sqlx::query_scalar!(
        "select id from users where id = $1 and email = $2 and role = $3 and password_hash = $4 for no key update",
        credentials.user.id.uuid(),
        credentials.user.email,
        credentials.user.role as Role,
        credentials.password_hash,
    )
    .fetch_optional(conn)
    .await?;
    Ok(locked.is_some())
}

/// Writes name and e-mail address. Violates [`EMAIL_TAKEN`] if the address belongs to another user.
pub async fn update(conn: &mut PgConnection, user: &User) -> Result<User, sqlx::Error> {
    sqlx::query_as!(
        User,
        r#"update users set name = $2, email = $3, updated_at = now() where id = $1
           returning id, email, name, role as "role: Role", created_at, updated_at"#,
        user.id.uuid(),
        user.name,
        user.email,
    )
    .fetch_one(conn)
    .await
}

/// Makes a user an admin with this password.
pub async fn make_admin(conn: &mut PgConnection, id: UserId, password_hash: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update users set role = 'admin', password_hash = $2, updated_at = now() where id = $1",
        id.uuid(),
        password_hash
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Waits for the lock, held until the end of the transaction, under which one instance at a time creates the admin.
pub async fn acquire_admin_lock(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('user-service: admin'))")
        .execute(conn)
        .await?;
    Ok(())
}

/// Returns the number of users.
pub async fn count(executor: impl PgExecutor<'_>) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from users"#)
        .fetch_one(executor)
        .await
}

/// Returns the next `limit` users in the order of their ids. The lock keeps them from changing until the end of the
/// transaction, so that an event about them is not older than the event of their next change.
pub async fn lock_batch(conn: &mut PgConnection, after: UserId, limit: i64) -> Result<Vec<User>, sqlx::Error> {
    sqlx::query_as!(
        User,
        r#"select id, email, name, role as "role: Role", created_at, updated_at from users
           where id > $1 order by id limit $2 for share"#,
        after.uuid(),
        limit
    )
    .fetch_all(conn)
    .await
}
