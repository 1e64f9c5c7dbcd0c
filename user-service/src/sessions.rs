//! Sessions: rows in PostgreSQL, which are the truth, and a copy of each in Redis, where the gateway looks.
//!
//! A log-in writes Redis first and the row afterwards: without Redis it fails with nothing done, and a copy without a row
//! belongs to a token that nobody was given. Whatever changes or ends a session later commits an intent together with the
//! rows; performing it means to make Redis say what PostgreSQL says.

mod cache;
mod mirror;
mod sweep;

pub use cache::{SessionCache, SessionValue};
pub use mirror::{MIRROR, mirror_now, mirror_soon, perform};
pub use sweep::sweep;

use crate::{
    App,
    domain::User,
    error::Error,
    store::{
        self,
        sessions::{KnownToken, NewSession, SessionOf},
        users::Credentials,
    },
    tokens::{RefreshToken, Validity},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use shared::{clock, context::Context, id};
use uuid::Uuid;

/// What a client gets that logs in or refreshes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    access_token: String,
    refresh_token: RefreshToken,
    token_type: &'static str,
    expires_in_s: u32,
    user: User,
}

/// Begins a session for a user whose password was right.
pub async fn begin(app: &App, context: &Context, credentials: Credentials) -> Result<Grant, Error> {
    let user = &credentials.user;
    let session = NewSession {
        id: id::new(),
        user_id: user.id,
        expires_at: session_end(app),
    };
    let refresh_token = RefreshToken::generate()?;
    app.sessions
        .put(session.id, &SessionValue::of(user), session.expires_at)
        .await?;

    let mut tx = app.database.begin(context).await?;
    if !store::users::hold(&mut tx, &credentials).await? {
        // Changed since the password was checked. The copy in Redis is nobody's; it expires.
        return Err(Error::WrongCredentials);
    }
    store::sessions::insert(&mut tx, &session).await?;
    store::sessions::add_token(&mut tx, session.id, &refresh_token.hash(), session.expires_at).await?;
    for surplus in store::sessions::end_surplus(&mut tx, user.id).await? {
        mirror_soon(&mut tx, surplus).await?;
    }
    tx.commit().await?;
    grant(app, credentials.user, session.id, refresh_token)
}

/// Exchanges a refresh token for a new pair. A token that was exchanged before ends its session: one of the two who had
/// it is a thief, and nobody can tell which.
pub async fn renew(app: &App, context: &Context, presented: &RefreshToken) -> Result<Grant, Error> {
    let hash = presented.hash();
    let known = store::sessions::find_token(&mut *app.database.acquire().await?, &hash)
        .await?
        .ok_or(Error::RefreshTokenInvalid)?;
    let expires_at = session_end(app);
    // Redis comes first: when it is away, the token stays unused and is good for the next try.
    let usable = !known.used && !known.expired;
    let mirrored = usable && app.sessions.prolong(known.session_id, expires_at).await?;

    let next = RefreshToken::generate()?;
    let user = exchange(
        app,
        context,
        &Exchange {
            hash,
            known,
            next: &next,
            expires_at,
            mirrored,
        },
    )
    .await?;
    if !mirrored {
        mirror_now(app, known.session_id).await;
    }
    grant(app, user, known.session_id, next)
}

struct Exchange<'a> {
    hash: [u8; 32],
    known: KnownToken,
    next: &'a RefreshToken,
    expires_at: DateTime<Utc>,
    mirrored: bool,
}

async fn exchange(app: &App, context: &Context, exchange: &Exchange<'_>) -> Result<User, Error> {
    let Exchange {
        hash,
        known,
        next,
        expires_at,
        mirrored,
    } = exchange;
    let session = SessionOf {
        id: known.session_id,
        user_id: known.user_id,
    };
    let mut tx = app.database.begin(context).await?;
    if !store::sessions::lock(&mut tx, session.id).await? {
        return Err(Error::RefreshTokenInvalid);
    }
    let token = store::sessions::find_token(&mut *tx, hash)
        .await?
        .ok_or(Error::RefreshTokenInvalid)?;
    if token.used {
        store::sessions::end(&mut tx, session.id).await?;
        mirror_soon(&mut tx, session).await?;
        tx.commit().await?;
        mirror_now(app, session.id).await;
        tracing::warn!(session.id = %session.id, user.id = %session.user_id, "a used refresh token came back, session ended");
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
    if !mirrored {
        // Redis has lost its copy; the row is the truth.
        mirror_soon(&mut tx, session).await?;
    }
    tx.commit().await?;
    Ok(user)
}

/// Ends the session of a refresh token, if it is the caller's.
pub async fn end(app: &App, context: &Context, user_id: Uuid, presented: &RefreshToken) -> Result<(), Error> {
    let mut tx = app.database.begin(context).await?;
    let ended = store::sessions::end_by_token(&mut tx, &presented.hash(), user_id).await?;
    let ended = ended.ok_or(Error::NoSuchSession)?;
    mirror_soon(&mut tx, ended).await?;
    tx.commit().await?;
    mirror_now(app, ended.id).await;
    Ok(())
}

fn session_end(app: &App) -> DateTime<Utc> {
    clock::now() + TimeDelta::seconds(app.refresh_token_ttl_s.into())
}

fn grant(app: &App, user: User, session_id: Uuid, refresh_token: RefreshToken) -> Result<Grant, Error> {
    let validity = Validity {
        from_s: clock::now().timestamp(),
        ttl_s: app.access_token_ttl_s,
    };
    let access_token = app.signing_key.sign(&user, session_id, validity)?;
    Ok(Grant {
        access_token,
        refresh_token,
        token_type: "Bearer",
        expires_in_s: app.access_token_ttl_s,
        user,
    })
}
