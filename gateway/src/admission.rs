//! What Redis has to say about a request, in one round trip: its session is read and a token of its bucket is taken.
//!
//! They are two commands of one pipeline and not one script, so that the limiter's trouble (a full memory, a bucket of another
//! type, a right that is missing) stays the limiter's. The script looks at the session as well, and takes nothing for one that has
//! ended: the holder of its token must not be able to use the rate of its user up.

use crate::{
    limiter::{Bucket, Taken, Verdict},
    redis::Unavailable,
    sessions::{self, Session},
    state::Gateway,
};
use deadpool_redis::redis::{RedisResult, cmd, pipe};

/// A request that Redis, or this gateway in its place, has answered for.
pub struct Admitted {
    /// `None` if the session has ended.
    pub session: Option<Session>,
    pub verdict: Verdict,
}

/// Reads the session and takes a token. An error means that the session cannot be checked.
pub async fn admit(gateway: &Gateway, session_id: &str, bucket: &Bucket) -> Result<Admitted, Unavailable> {
    let key = sessions::key(session_id);
    let take = gateway.limiter.take(bucket, Some(&key));
    let mut read = cmd("GET");
    read.arg(&key);
    let answer = gateway.redis.query(move |connection| {
        Box::pin(async move {
            let mut both = pipe();
            both.ignore_errors().add_command(read).add_command(take.command());
            let (session, taken): (RedisResult<Option<Vec<u8>>>, RedisResult<Taken>) =
                both.query_async(connection).await?;
            Ok((
                sessions::of_its_own_key(session)?,
                take.completed(taken, connection).await,
            ))
        })
    });
    let (session, taken) = match answer.await {
        Ok((session, taken)) => (Ok(session), Some(taken)),
        Err(unavailable) => (Err(unavailable), None),
    };
    leave_replica(gateway, taken.as_ref()).await;
    let session = gateway.sessions.settle(session_id, session).await?;
    let verdict = match session {
        Some(_) => gateway.limiter.verdict(bucket, taken),
        None => Verdict::default(),
    };
    Ok(Admitted { session, verdict })
}

/// Takes a token for a caller without a session.
pub async fn limit(gateway: &Gateway, bucket: &Bucket) -> Verdict {
    let take = gateway.limiter.take(bucket, None);
    let answer = gateway.redis.query(move |connection| {
        Box::pin(async move {
            let mut one = pipe();
            one.ignore_errors().add_command(take.command());
            let (taken,): (RedisResult<Taken>,) = one.query_async(connection).await?;
            Ok(take.completed(taken, connection).await)
        })
    });
    let taken = answer.await.ok();
    leave_replica(gateway, taken.as_ref()).await;
    gateway.limiter.verdict(bucket, taken)
}

async fn leave_replica(gateway: &Gateway, taken: Option<&RedisResult<Taken>>) {
    if let Some(Err(error)) = taken {
        gateway.redis.leave_replica(error).await;
    }
}
