//! The `sessions` and `refresh_tokens` tables.

use crate::domain::{CachedSession, Role, SessionId, UserId};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

/// Number of sessions that a user may have; beyond it the oldest end.
const SESSIONS_PER_USER_MAX: i64 = 20;
/// Number of used refresh tokens that are kept for each session. A copy of an older one is refused, but does not end the session.
const USED_TOKENS_MAX: i64 = 100;

/// A session to insert.
#[derive(Debug, Clone, Copy)]
pub struct NewSession {
    pub id: SessionId,
    pub user_id: UserId,
    /// Time at which it ends unless it is refreshed.
    pub expires_at: DateTime<Utc>,
}

/// A stored refresh token, with its session and the session's user.
#[derive(Debug, Clone, Copy)]
pub struct StoredToken {
    pub session_id: SessionId,
    pub user_id: UserId,
    /// True if it was exchanged before.
    pub used: bool,
    pub expired: bool,
}

/// A session and its user.
#[derive(Debug, Clone, Copy)]
pub struct UserSession {
    pub id: SessionId,
    pub user_id: UserId,
}

pub async fn insert(conn: &mut PgConnection, session: &NewSession) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sessions (id, user_id, expires_at) values ($1, $2, $3)",
        session.id.uuid(),
        session.user_id.uuid(),
        session.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends the oldest sessions above the limit of a user, and returns them.
pub async fn end_surplus(conn: &mut PgConnection, user_id: UserId) -> Result<Vec<UserSession>, sqlx::Error> {
    sqlx::query_as!(
        UserSession,
        "delete from sessions where id in (
             select id from sessions where user_id = $1 order by created_at desc, id desc offset $2)
         returning id, user_id",
        user_id.uuid(),
        SESSIONS_PER_USER_MAX
    )
    .fetch_all(conn)
    .await
}

/// Adds the refresh token with this hash to a session.
pub async fn add_token(
    conn: &mut PgConnection,
    session_id: SessionId,
    hash: &[u8],
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into refresh_tokens (hash, session_id, expires_at) values ($1, $2, $3)",
        hash,
        session_id.uuid(),
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the refresh token with this hash; `None` if its session has ended.
pub async fn find_token(executor: impl PgExecutor<'_>, hash: &[u8]) -> Result<Option<StoredToken>, sqlx::Error> {
    sqlx::query_as!(
        StoredToken,
        r#"select s.id as session_id, s.user_id, t.used_at is not null as "used!", t.expires_at <= now() as "expired!"
           from refresh_tokens t join sessions s on s.id = t.session_id where t.hash = $1"#,
        hash
    )
    .fetch_optional(executor)
    .await
}

/// Locks a session until the end of the transaction. Returns `false` if it has ended.
///
/// A token must be read in a statement after this one: of two requests with the same token, the second then sees it used. A
/// single statement for both would see the token as it was before the wait for the lock.
pub async fn lock(conn: &mut PgConnection, session_id: SessionId) -> Result<bool, sqlx::Error> {
    let locked = sqlx::query_scalar!("select id from sessions where id = $1 for update", session_id.uuid());
    Ok(locked.fetch_optional(conn).await?.is_some())
}

/// Marks a token as used, deletes the oldest used ones above the limit, and extends the session.
pub async fn use_token(
    conn: &mut PgConnection,
    session_id: SessionId,
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
        session_id.uuid(),
        USED_TOKENS_MAX
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update sessions set expires_at = $2 where id = $1",
        session_id.uuid(),
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a session: deletes it and all its refresh tokens.
pub async fn end(conn: &mut PgConnection, session_id: SessionId) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from sessions where id = $1", session_id.uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends the session of a token, if it is this user's.
pub async fn end_by_token(
    conn: &mut PgConnection,
    hash: &[u8],
    user_id: UserId,
) -> Result<Option<UserSession>, sqlx::Error> {
    sqlx::query_as!(
        UserSession,
        "delete from sessions where user_id = $2 and id = (select session_id from refresh_tokens where hash = $1)
         returning id, user_id",
        hash,
        user_id.uuid()
    )
    .fetch_optional(conn)
    .await
}

/// Ends all sessions of a user, and returns them.
pub async fn end_all(conn: &mut PgConnection, user_id: UserId) -> Result<Vec<UserSession>, sqlx::Error> {
    sqlx::query_as!(
        UserSession,
        "delete from sessions where user_id = $1 returning id, user_id",
        user_id.uuid()
    )
    .fetch_all(conn)
    .await
}

/// Returns the sessions of a user.
pub async fn of_user(executor: impl PgExecutor<'_>, user_id: UserId) -> Result<Vec<UserSession>, sqlx::Error> {
    sqlx::query_as!(
        UserSession,
        "select id, user_id from sessions where user_id = $1",
        user_id.uuid()
    )
    .fetch_all(executor)
    .await
}

/// Returns the copy of a session that Redis has to hold, and its expiry; `None` if the session has ended.
pub async fn find_cacheable(
    executor: impl PgExecutor<'_>,
    session_id: SessionId,
) -> Result<Option<(CachedSession, DateTime<Utc>)>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select s.user_id, s.expires_at, u.email, u.role as "role: Role"
           from sessions s join users u on u.id = s.user_id
           where s.id = $1 and s.expires_at > now()"#,
        session_id.uuid()
    )
    .fetch_optional(executor)
    .await?;
    Ok(row.map(|row| {
        let session = CachedSession {
            user_id: row.user_id.into(),
            role: row.role,
            email: row.email,
        };
        (session, row.expires_at)
    }))
}

/// Deletes at most `limit` expired sessions and as many expired tokens. Returns the number of rows. The copies in Redis expire
/// by themselves.
pub async fn delete_expired(conn: &mut PgConnection, limit: i64) -> Result<u64, sqlx::Error> {
    let sessions = sqlx::query!(
        "delete from sessions where id in (select id from sessions where expires_at < now() limit $1)",
        limit
    )
    .execute(&mut *conn)
    .await?;
    let tokens = sqlx::query!(
        "delete from refresh_tokens where hash in (select hash from refresh_tokens where expires_at < now() limit $1)",
        limit
    )
    .execute(conn)
    .await?;
    Ok(sessions.rows_affected() + tokens.rows_affected())
}
