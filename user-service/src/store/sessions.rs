//! The `sessions` and `refresh_tokens` tables.

use super::users;
use crate::sessions::SessionValue;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// How many sessions one user may have; the oldest end when there are more.
const SESSIONS_PER_USER_MAX: i64 = 20;
/// How many used refresh tokens of one session are remembered: a copy of an older one is refused, but ends nothing.
const USED_TOKENS_MAX: i64 = 100;

/// A session as it begins.
#[derive(Debug, Clone, Copy)]
pub struct NewSession {
    /// Id; `sid` in the access token.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// When it ends unless it is refreshed.
    pub expires_at: DateTime<Utc>,
}

/// What is known of a refresh token that was presented.
#[derive(Debug, Clone, Copy)]
pub struct KnownToken {
    /// Its session.
    pub session_id: Uuid,
    /// Whose session it is.
    pub user_id: Uuid,
    /// It was exchanged before.
    pub used: bool,
    /// Its time is over.
    pub expired: bool,
}

/// A session of a user.
#[derive(Debug, Clone, Copy)]
pub struct SessionOf {
    /// The session.
    pub id: Uuid,
    /// The user.
    pub user_id: Uuid,
}

/// Inserts a session.
pub async fn insert(conn: &mut PgConnection, session: &NewSession) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sessions (id, user_id, expires_at) values ($1, $2, $3)",
        session.id,
        session.user_id,
        session.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends the oldest sessions of a user who has too many, and says which.
pub async fn end_surplus(conn: &mut PgConnection, user_id: Uuid) -> Result<Vec<SessionOf>, sqlx::Error> {
    sqlx::query_as!(
        SessionOf,
        "delete from sessions where id in (
             select id from sessions where user_id = $1 order by created_at desc, id desc offset $2)
         returning id, user_id",
        user_id,
        SESSIONS_PER_USER_MAX
    )
    .fetch_all(conn)
    .await
}

/// Adds the refresh token with this hash to a session.
pub async fn add_token(
    conn: &mut PgConnection,
    session_id: Uuid,
    hash: &[u8],
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into refresh_tokens (hash, session_id, expires_at) values ($1, $2, $3)",
        hash,
        session_id,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is known of the refresh token with this hash.
pub async fn find_token(executor: impl PgExecutor<'_>, hash: &[u8]) -> Result<Option<KnownToken>, sqlx::Error> {
    sqlx::query_as!(
        KnownToken,
        r#"select s.id as session_id, s.user_id, t.used_at is not null as "used!", t.expires_at <= now() as "expired!"
           from refresh_tokens t join sessions s on s.id = t.session_id where t.hash = $1"#,
        hash
    )
    .fetch_optional(executor)
    .await
}

/// Locks a session until the end of the transaction; `false` if it is over.
///
/// A token is looked up in a statement after this one: of two who present the same token, the second then sees it used.
/// One statement for both would see the token as it was before the wait for the lock.
pub async fn lock(conn: &mut PgConnection, session_id: Uuid) -> Result<bool, sqlx::Error> {
    let locked = sqlx::query_scalar!("select id from sessions where id = $1 for update", session_id);
    Ok(locked.fetch_optional(conn).await?.is_some())
}

/// Marks the token as used, forgets the oldest used ones if there are too many, and prolongs its session.
pub async fn use_token(
    conn: &mut PgConnection,
    session_id: Uuid,
    hash: &[u8],
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update refresh_tokens set used_at = now() where hash = $1", hash)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "delete from refresh_tokens where hash in (
             select hash from refresh_tokens where session_id = $1 and used_at is not null
             order by used_at desc offset $2)",
        session_id,
        USED_TOKENS_MAX
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update sessions set expires_at = $2 where id = $1",
        session_id,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a session: it and all its refresh tokens are gone.
pub async fn end(conn: &mut PgConnection, session_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from sessions where id = $1", session_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends the session that the token belongs to, if it is this user's.
pub async fn end_by_token(
    conn: &mut PgConnection,
    hash: &[u8],
    user_id: Uuid,
) -> Result<Option<SessionOf>, sqlx::Error> {
    sqlx::query_as!(
        SessionOf,
        "delete from sessions where user_id = $2 and id = (select session_id from refresh_tokens where hash = $1)
         returning id, user_id",
        hash,
        user_id
    )
    .fetch_optional(conn)
    .await
}

/// Ends all sessions of a user, and says which they were.
pub async fn end_all(conn: &mut PgConnection, user_id: Uuid) -> Result<Vec<SessionOf>, sqlx::Error> {
    sqlx::query_as!(
        SessionOf,
        "delete from sessions where user_id = $1 returning id, user_id",
        user_id
    )
    .fetch_all(conn)
    .await
}

/// The sessions of a user.
pub async fn of_user(executor: impl PgExecutor<'_>, user_id: Uuid) -> Result<Vec<SessionOf>, sqlx::Error> {
    sqlx::query_as!(
        SessionOf,
        "select id, user_id from sessions where user_id = $1",
        user_id
    )
    .fetch_all(executor)
    .await
}

/// What Redis is to say of a session, and until when; `None` if it is over.
pub async fn find_value(
    executor: impl PgExecutor<'_>,
    session_id: Uuid,
) -> Result<Option<(SessionValue, DateTime<Utc>)>, sqlx::Error> {
    let row = sqlx::query!(
        "select s.user_id, s.expires_at, u.email, u.role from sessions s join users u on u.id = s.user_id
         where s.id = $1 and s.expires_at > now()",
        session_id
    )
    .fetch_optional(executor)
    .await?;
    Ok(row.map(|row| {
        let value = SessionValue {
            user_id: row.user_id,
            role: users::role(&row.role),
            email: row.email,
        };
        (value, row.expires_at)
    }))
}

/// Deletes up to `limit` sessions and tokens whose time is over, and says how many it were. Their keys in Redis expire by
/// themselves.
pub async fn delete_expired(connection: &mut PgConnection, limit: i64) -> Result<u64, sqlx::Error> {
    let sessions = sqlx::query!(
        "delete from sessions where id in (select id from sessions where expires_at < now() limit $1)",
        limit
    )
    .execute(&mut *connection)
    .await?;
    let tokens = sqlx::query!(
        "delete from refresh_tokens where hash in (select hash from refresh_tokens where expires_at < now() limit $1)",
        limit
    )
    .execute(connection)
    .await?;
    Ok(sessions.rows_affected() + tokens.rows_affected())
}
