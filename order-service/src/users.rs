//! What user-service says, in our words: may this user order?

use moka::future::Cache;
use serde::Deserialize;
use shared::{
    context::Context,
    http_client::{Answer, CallError, ResilientHttpClient},
    identity::{IDENTITY_HEADER, Identity},
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// While user-service is away, its last answer about a user counts for this long.
pub const STALE_MAX: Duration = Duration::from_mins(1);
/// How many answers are kept.
const KNOWN_MAX: u64 = 10_000;

/// Asks user-service.
#[derive(Debug, Clone)]
pub struct Users {
    client: ResilientHttpClient,
    known: Cache<Uuid, ()>,
}

/// Why a user may not order.
#[derive(Debug, thiserror::Error)]
pub enum UserRefusal {
    /// There is no such user, or user-service does not accept the identity.
    #[error("user-service does not know this user")]
    Unknown,
    /// Nobody can tell, and what was told last is too old.
    #[error("user-service is away")]
    Away(#[source] Option<Arc<CallError>>),
}

/// The part of a user that is of interest here.
#[derive(Debug, Deserialize)]
struct UserView {
    id: Uuid,
}

enum Told {
    Known,
    Unknown,
    Nothing,
}

impl Users {
    /// `stale_max` is how long an answer counts while user-service is away.
    pub fn new(client: ResilientHttpClient, stale_max: Duration) -> Self {
        Self {
            client,
            known: Cache::builder().max_capacity(KNOWN_MAX).time_to_live(stale_max).build(),
        }
    }

    /// Whether the caller is a user. Always asks; the last answer is only for when nobody answers.
    pub async fn check(&self, context: &Context, caller: &Identity) -> Result<(), UserRefusal> {
        let user_id = caller.user_id;
        let path = format!("/api/users/{user_id}");
        let answer = self
            .client
            .get(&path)
            .context(context)
            .header(IDENTITY_HEADER, &caller.token)
            .send()
            .await;
        let told = answer.as_ref().map_or(Told::Nothing, |answer| read(answer, user_id));
        match told {
            Told::Known => {
                self.known.insert(user_id, ()).await;
                Ok(())
            }
            Told::Unknown => {
                self.known.invalidate(&user_id).await;
                Err(UserRefusal::Unknown)
            }
            Told::Nothing if self.known.contains_key(&user_id) => {
                tracing::warn!(
                    "user-service is away: a user is taken to be as they were within the last {STALE_MAX:?}"
                );
                Ok(())
            }
            Told::Nothing => Err(UserRefusal::Away(answer.err().map(Arc::new))),
        }
    }
}

fn read(answer: &Answer, user_id: Uuid) -> Told {
    match answer.status.as_u16() {
        200 if answer.json::<UserView>().is_ok_and(|user| user.id == user_id) => Told::Known,
        401 | 403 | 404 => Told::Unknown,
        _ => Told::Nothing,
    }
}
