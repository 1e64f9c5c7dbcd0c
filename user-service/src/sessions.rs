//! Sessions: rows in PostgreSQL, which are authoritative, and a copy of each in Redis, which the gateway reads.
//!
//! A log-in writes Redis first and the row afterwards: without Redis it fails without an effect, and a copy without a row
//! belongs to a token that was never handed out. Each later change commits, together with its rows, a job that brings the
//! copy in line with them.

mod cache_sync;
mod cleanup;
mod token_response;

pub use cache_sync::{SyncSessionCache, enqueue_cache_sync, sync_cache};
pub use cleanup::run_cleanup;
pub use token_response::TokenResponse;

use crate::{
    app::App,
    domain::{CachedSession, SessionId, User, UserId},
    error::Error,
    store::{
        self,
        sessions::{NewSession, StoredToken, UserSession},
        users::Credentials,
    },
    tokens::RefreshToken,
};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{clock, context::Context};
use messaging::Tx;

/// Creates a session for a user whose password was verified.
pub async fn create(app: &App, context: &Context, credentials: Credentials) -> Result<TokenResponse, Error> {
    let user = &credentials.user;
    let session = NewSession {
        id: SessionId::new(),
        user_id: user.id,
        expires_at: expiry(app),
    };
    let refresh_token = RefreshToken::generate()?;
    app.session_cache
        .put(session.id, &CachedSession::from(user), session.expires_at)
        .await?;

    let mut tx = Tx::begin(&app.database, context).await?;
    if !store::users::lock_if_unchanged(&mut tx, &credentials).await? {
        // Changed since the password was verified. No token leads to the copy in Redis; it expires.
        return Err(Error::WrongCredentials);
    }
    store::sessions::insert(&mut tx, &session).await?;
    store::sessions::add_token(&mut tx, session.id, &refresh_token.hash(), session.expires_at).await?;
    for surplus in store::sessions::end_surplus(&mut tx, user.id).await? {
        enqueue_cache_sync(&mut tx, surplus).await?;
    }
    tx.commit().await?;
    TokenResponse::issue(app, credentials.user, session.id, refresh_token)
}

/// Exchanges a refresh token for a new pair of tokens (refresh token rotation). A token that was exchanged before ends its
/// session: it may have been copied, and its holders cannot be distinguished.
pub async fn refresh(app: &App, context: &Context, presented: &RefreshToken) -> Result<TokenResponse, Error> {
    let hash = presented.hash();
    let stored = store::sessions::find_token(&mut *app.database.acquire().await?, &hash)
        .await?
        .ok_or(Error::RefreshTokenInvalid)?;
    let expires_at = expiry(app);
    // Redis comes first: while it is unavailable, the token stays unused and can be presented again later.
    let usable = !stored.used && !stored.expired;
    let cached = usable && app.session_cache.extend(stored.session_id, expires_at).await?;

    let next = RefreshToken::generate()?;
    let rotation = Rotation {
        hash,
        stored,
        next: &next,
        expires_at,
        cached,
    };
    let user = rotate(app, context, &rotation).await?;
    if !cached {
        sync_cache(app, stored.session_id).await;
    }
    TokenResponse::issue(app, user, stored.session_id, next)
}

struct Rotation<'a> {
    /// Hash of the token that was presented.
    hash: [u8; 32],
    stored: StoredToken,
    next: &'a RefreshToken,
    expires_at: DateTime<Utc>,
    /// False if Redis holds no copy of the session.
    cached: bool,
}

async fn rotate(app: &App, context: &Context, rotation: &Rotation<'_>) -> Result<User, Error> {
    let Rotation {
        hash,
        stored,
        next,
        expires_at,
        cached,
    } = rotation;
    let session = UserSession {
        id: stored.session_id,
        user_id: stored.user_id,
    };
    let mut tx = Tx::begin(&app.database, context).await?;
    if !store::sessions::lock(&mut tx, session.id).await? {
        return Err(Error::RefreshTokenInvalid);
    }
    let token = store::sessions::find_token(&mut *tx, hash)
        .await?
        .ok_or(Error::RefreshTokenInvalid)?;
    if token.used {
        store::sessions::end(&mut tx, session.id).await?;
        enqueue_cache_sync(&mut tx, session).await?;
        tx.commit().await?;
        sync_cache(app, session.id).await;
        tracing::warn!(session.id = %session.id, user.id = %session.user_id, "Session ended: a used refresh token was presented again");
        return Err(Error::RefreshTokenReused);
    }
    if token.expired {
        return Err(Error::RefreshTokenInvalid);
    }
    let user = store::users::find(&mut *tx, session.user_id)
        .await?
        .ok_or(Error::RefreshTokenInvalid)?;
    store::sessions::use_token(&mut tx, session.id, hash, *expires_at).await?;
    store::sessions::add_token(&mut tx, session.id, &next.hash(), *expires_at).await?;
    if !cached {
        enqueue_cache_sync(&mut tx, session).await?;
    }
    tx.commit().await?;
    Ok(user)
}

/// Ends the session of a refresh token, if it is the caller's.
pub async fn end(app: &App, context: &Context, user_id: UserId, presented: &RefreshToken) -> Result<(), Error> {
    let mut tx = Tx::begin(&app.database, context).await?;
    let ended = store::sessions::end_by_token(&mut tx, &presented.hash(), user_id).await?;
    let ended = ended.ok_or(Error::NoSuchSession)?;
    enqueue_cache_sync(&mut tx, ended).await?;
    tx.commit().await?;
    sync_cache(app, ended.id).await;
    Ok(())
}

/// Returns the expiry of a session that is created or refreshed now.
fn expiry(app: &App) -> DateTime<Utc> {
    clock::now() + TimeDelta::seconds(app.refresh_token_ttl_s.into())
}
