//! The users of user-service: may the caller order?

use crate::domain::UserId;
use http_client::{Answer, CallError, ResilientHttpClient};
use kernel::context::Context;
use moka::future::Cache;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use web::identity::{IDENTITY_HEADER, Identity};

/// Age up to which the last answer about a user counts while user-service is unavailable.
pub const STALE_MAX: Duration = Duration::from_mins(1);
/// Most answers in the cache.
const CACHED_MAX: u64 = 10_000;

/// The client of user-service, with a cache of its answers.
#[derive(Debug, Clone)]
pub struct Users {
    client: ResilientHttpClient,
    known: Cache<UserId, ()>,
}

/// The refusal of a user.
#[derive(Debug, thiserror::Error)]
pub enum UserRefusal {
    /// The user does not exist, or user-service does not accept the identity.
    #[error("user-service does not know this user")]
    Unknown,
    /// user-service is unavailable, and its last answer is too old.
    #[error("user-service is unavailable")]
    Unavailable(#[source] Option<Arc<CallError>>),
}

/// The view of a user.
#[derive(Debug, Deserialize)]
struct UserView {
    id: UserId,
}

/// The result of asking user-service.
enum UserLookup {
    Known,
    Unknown,
    Unavailable,
}

impl Users {
    /// Creates the client; an answer counts for `stale_max` while user-service is unavailable.
    pub fn new(client: ResilientHttpClient, stale_max: Duration) -> Self {
        Self {
            client,
            known: Cache::builder()
                .max_capacity(CACHED_MAX)
                .time_to_live(stale_max)
                .build(),
        }
    }

    /// Checks that the caller is a user. It always asks; the cached answer counts only while user-service is unavailable.
    pub async fn check(&self, context: &Context, caller: &Identity) -> Result<(), UserRefusal> {
        let user_id = UserId::from(caller.user_id);
        let path = format!("/api/users/{user_id}");
        let answer = self
            .client
            .get(&path)
            .context(context)
            .header(IDENTITY_HEADER, &caller.token)
            .send()
            .await;
        let lookup = answer
            .as_ref()
            .map_or(UserLookup::Unavailable, |answer| read(answer, user_id));
        match lookup {
            UserLookup::Known => {
                self.known.insert(user_id, ()).await;
                Ok(())
            }
            UserLookup::Unknown => {
                self.known.invalidate(&user_id).await;
                Err(UserRefusal::Unknown)
            }
            UserLookup::Unavailable if self.known.contains_key(&user_id) => {
                tracing::warn!(
                    dependency = "user-service",
                    "User accepted by a cached answer: dependency unavailable"
                );
                Ok(())
            }
            UserLookup::Unavailable => Err(UserRefusal::Unavailable(answer.err().map(Arc::new))),
        }
    }
}

fn read(answer: &Answer, user_id: UserId) -> UserLookup {
    match answer.status.as_u16() {
        200 if answer.json::<UserView>().is_ok_and(|user| user.id == user_id) => UserLookup::Known,
        401 | 403 | 404 => UserLookup::Unknown,
        _ => UserLookup::Unavailable,
    }
}
