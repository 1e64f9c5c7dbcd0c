//! The `users` table.

use crate::domain::{Email, Name, User};
use chrono::{DateTime, Utc};
use shared::identity::Role;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// The unique constraint on the e-mail address.
pub const EMAIL_TAKEN: &str = "users_email_key";

/// A user together with the hash of their password: only for checking it.
#[derive(Clone)]
pub struct Credentials {
    /// The user.
    pub user: User,
    /// The hash, a PHC string.
    pub password_hash: String,
}

/// An account that does not exist yet.
pub struct NewUser<'a> {
    /// Id.
    pub id: Uuid,
    /// E-mail address.
    pub email: &'a Email,
    /// Name.
    pub name: &'a Name,
    /// Role; never taken from a request.
    pub role: Role,
    /// Hash of the password, a PHC string.
    pub password_hash: &'a str,
}

struct Row {
    id: Uuid,
    email: String,
    name: String,
    role: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for User {
    fn from(
        Row {
            id,
            email,
            name,
            role,
            created_at,
            updated_at,
        }: Row,
    ) -> Self {
        Self {
            id,
            email,
            name,
            role: self::role(&role),
            created_at,
            updated_at,
        }
    }
}

/// The table's check allows two roles; whatever is not the strong one is the weak one.
pub(super) fn role(text: &str) -> Role {
    if text == "admin" { Role::Admin } else { Role::Customer }
}

fn role_text(role: Role) -> &'static str {
    match role {
        Role::Customer => "customer",
        Role::Admin => "admin",
    }
}

/// Inserts an account; violates [`EMAIL_TAKEN`] if there is one with this e-mail address.
pub async fn insert(conn: &mut PgConnection, new: &NewUser<'_>) -> Result<User, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "insert into users (id, email, name, role, password_hash) values ($1, $2, $3, $4, $5)
         returning id, email, name, role, created_at, updated_at",
        new.id,
        new.email.as_str(),
        new.name.as_str(),
        role_text(new.role),
        new.password_hash,
    )
    .fetch_one(conn)
    .await?;
    Ok(row.into())
}

/// The user with this id.
pub async fn find(executor: impl PgExecutor<'_>, id: Uuid) -> Result<Option<User>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select id, email, name, role, created_at, updated_at from users where id = $1",
        id
    )
    .fetch_optional(executor)
    .await?;
    Ok(row.map(User::from))
}

/// The user with this id, locked until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: Uuid) -> Result<Option<User>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select id, email, name, role, created_at, updated_at from users where id = $1 for update",
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(User::from))
}

/// The user with this e-mail address and the hash of their password.
pub async fn find_credentials(
    executor: impl PgExecutor<'_>,
    email: &Email,
) -> Result<Option<Credentials>, sqlx::Error> {
    let row = sqlx::query!(
        "select id, email, name, role, created_at, updated_at, password_hash from users where email = $1",
        email.as_str()
    )
    .fetch_optional(executor)
    .await?;
    Ok(row.map(|row| Credentials {
        user: Row {
            id: row.id,
            email: row.email,
            name: row.name,
            role: row.role,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
        .into(),
        password_hash: row.password_hash,
    }))
}

/// Whether e-mail address, role and password are still what they were. They stay so until the end of the transaction, and
/// others who hold the same user wait.
pub async fn hold(conn: &mut PgConnection, credentials: &Credentials) -> Result<bool, sqlx::Error> {
    let held = sqlx::query_scalar!(
        "select id from users where id = $1 and email = $2 and role = $3 and password_hash = $4 for no key update",
        credentials.user.id,
        credentials.user.email,
        role_text(credentials.user.role),
        credentials.password_hash,
    )
    .fetch_optional(conn)
    .await?;
    Ok(held.is_some())
}

/// Writes name and e-mail address; violates [`EMAIL_TAKEN`] if that belongs to somebody else.
pub async fn update(conn: &mut PgConnection, user: &User) -> Result<User, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "update users set name = $2, email = $3, updated_at = now() where id = $1
         returning id, email, name, role, created_at, updated_at",
        user.id,
        user.name,
        user.email,
    )
    .fetch_one(conn)
    .await?;
    Ok(row.into())
}

/// Makes the user an admin with this password.
pub async fn make_admin(conn: &mut PgConnection, id: Uuid, password_hash: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update users set role = 'admin', password_hash = $2, updated_at = now() where id = $1",
        id,
        password_hash
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Instances that start at the same moment make the admin one after the other.
pub async fn take_admin_turn(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('user-service: admin'))")
        .execute(conn)
        .await?;
    Ok(())
}

/// How many users there are.
pub async fn count(executor: impl PgExecutor<'_>) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from users"#)
        .fetch_one(executor)
        .await
}

/// The next `limit` users in the order of their ids. None of them changes until the end of the transaction, so that what
/// is told of them here is not older than what their next change tells.
pub async fn hold_batch(conn: &mut PgConnection, after: Uuid, limit: i64) -> Result<Vec<User>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "select id, email, name, role, created_at, updated_at from users where id > $1 order by id limit $2 for share",
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(User::from).collect())
}
