//! The SQL of idempotency keys: one row for each request that carried one, with its answer once there is one.

use crate::domain::UserId;
use sqlx::{PgConnection, PgExecutor};
use std::time::Duration;
use uuid::Uuid;

/// An attempt's claim on a key.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Owner of the key: keys of different users are different keys.
    pub user_id: UserId,
    /// The key as the client sent it.
    pub key: String,
    /// Digest of the request.
    pub fingerprint: Vec<u8>,
    /// Id of this attempt.
    pub lease: Uuid,
}

/// The answer that is given to each repetition of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status code.
    pub status: u16,
    /// The `Location` header.
    pub location: String,
    /// The `ETag` header.
    pub etag: String,
    /// Body, byte for byte.
    pub body: Vec<u8>,
}

/// The result of a claim.
#[derive(Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The caller holds the lease and does the work.
    Ours,
    /// The work was done before.
    Answered(StoredAnswer),
    /// Another attempt holds the lease.
    InFlight,
    /// The key was used for another request.
    OtherRequest,
}

/// Claims a key, if it is new or expired, or if the lease of an earlier attempt has expired.
pub async fn claim(
    connection: &mut PgConnection,
    claim: &Claim,
    lease: Duration,
    keep: Duration,
) -> Result<Claimed, sqlx::Error> {
    let taken = sqlx::query_scalar!(
        "insert into idempotency_keys as known (user_id, key, fingerprint, lease, leased_until, expires_at)
         values ($1, $2, $3, $4, now() + make_interval(secs => $5), now() + make_interval(secs => $6))
         on conflict (user_id, key) do update set
            fingerprint = excluded.fingerprint, lease = excluded.lease, leased_until = excluded.leased_until,
            expires_at = excluded.expires_at, answer_status = null, answer_location = null, answer_etag = null,
            answer_body = null
         where known.expires_at <= now()
            or (known.answer_status is null and known.leased_until <= now() and known.fingerprint = excluded.fingerprint)
         returning known.lease",
        claim.user_id.uuid(),
        claim.key,
        claim.fingerprint,
        claim.lease,
        lease.as_secs_f64(),
        keep.as_secs_f64(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    if taken.is_some() {
        Ok(Claimed::Ours)
    } else {
        look(connection, claim).await
    }
}

async fn look(connection: &mut PgConnection, claim: &Claim) -> Result<Claimed, sqlx::Error> {
    let row = sqlx::query!(
        "select fingerprint, answer_status, answer_location, answer_etag, answer_body
         from idempotency_keys where user_id = $1 and key = $2",
        claim.user_id.uuid(),
        claim.key,
    )
    .fetch_optional(connection)
    .await?;
    // The other attempt has just released the key. To the client that is the same as in flight.
    let Some(row) = row else { return Ok(Claimed::InFlight) };
    if row.fingerprint != claim.fingerprint {
        return Ok(Claimed::OtherRequest);
    }
    Ok(
        match (row.answer_status, row.answer_location, row.answer_etag, row.answer_body) {
            (Some(status), Some(location), Some(etag), Some(body)) => Claimed::Answered(StoredAnswer {
                status: status.cast_unsigned(),
                location,
                etag,
                body,
            }),
            _ => Claimed::InFlight,
        },
    )
}

/// Stores the answer, inside the transaction of the work itself. Returns `false` if the lease has passed to another attempt,
/// which then does the work: this transaction must not commit.
pub async fn finish(db: &mut PgConnection, claim: &Claim, answer: &StoredAnswer) -> Result<bool, sqlx::Error> {
    let finished = sqlx::query!(
        "update idempotency_keys set answer_status = $4, answer_location = $5, answer_etag = $6, answer_body = $7
         where user_id = $1 and key = $2 and lease = $3 and answer_status is null",
        claim.user_id.uuid(),
        claim.key,
        claim.lease,
        answer.status.cast_signed(),
        answer.location,
        answer.etag,
        answer.body,
    )
    .execute(db)
    .await?;
    Ok(finished.rows_affected() == 1)
}

/// Gives a key back whose request was refused, so that it can be sent again at once. An answered key stays.
pub async fn release(db: impl PgExecutor<'_>, claim: &Claim) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from idempotency_keys where user_id = $1 and key = $2 and lease = $3 and answer_status is null",
        claim.user_id.uuid(),
        claim.key,
        claim.lease,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes expired keys, at most `limit` at a time; returns how many.
pub async fn delete_expired(db: impl PgExecutor<'_>, limit: i64) -> Result<u64, sqlx::Error> {
    let deleted = sqlx::query!(
        "delete from idempotency_keys where (user_id, key) in (
            select user_id, key from idempotency_keys where expires_at <= now() limit $1 for update skip locked)",
        limit,
    )
    .execute(db)
    .await?;
    Ok(deleted.rows_affected())
}
