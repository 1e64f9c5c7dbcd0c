//! Hashes and checks passwords: argon2id, on a few threads at a time.

use crate::{domain::Password, error::Error};
use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::Error as HashingError,
};
use std::{sync::Arc, thread::available_parallelism, time::Duration};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

/// RFC 9106's algorithm with OWASP's smallest recommended cost: 19 MiB, two passes, one lane; some 20 ms.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Who waits longer for a worker is told to come back.
const WAIT: Duration = Duration::from_secs(3);

/// The workers that hash. As many at a time as there are processors, so that a storm of logins queues up here and neither
/// takes 19 MiB for each nor the processors from everything else.
#[derive(Clone)]
pub struct Passwords {
    workers: Arc<Semaphore>,
    decoy: Arc<str>,
}

impl Passwords {
    /// Makes the workers and the decoy hash.
    pub fn new() -> Result<Self, HashingError> {
        let at_a_time = available_parallelism().map_or(2, std::num::NonZero::get);
        // Nobody's password: what it was made from is forgotten here.
        let decoy = hash(shared::id::new().as_bytes())?;
        Ok(Self {
            workers: Arc::new(Semaphore::new(at_a_time)),
            decoy: decoy.into(),
        })
    }

    /// The hash of the password, as a PHC string with a salt of its own.
    pub async fn hash(&self, password: &Password) -> Result<String, Error> {
        let password = password.clone();
        Ok(self.work(move || hash(password.as_bytes())).await??)
    }

    /// Whether the password is the one that was hashed. Without a hash it takes as long as with one, and is never right:
    /// how long the answer takes does not tell whether there is such a user.
    pub async fn matches(&self, password: &Password, hash: Option<&str>) -> Result<bool, Error> {
        let password = password.clone();
        let to_check: Arc<str> = hash.map_or_else(|| Arc::clone(&self.decoy), Arc::from);
        let matches = self.work(move || verify(password.as_bytes(), &to_check)).await??;
        Ok(matches && hash.is_some())
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let turn = timeout(WAIT, Arc::clone(&self.workers).acquire_owned())
            .await
            .map_err(|_| Error::Busy)?;
        let turn = turn.expect("the semaphore is never closed");
        // The turn moves into the work: if the client hangs up, the hash still runs to its end and still counts.
        let done = spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(Error::Worker)
    }
}

fn argon2() -> Result<Argon2<'static>, HashingError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &[u8]) -> Result<String, HashingError> {
    Ok(argon2()?.hash_password(password)?.to_string())
}

fn verify(password: &[u8], hash: &str) -> Result<bool, HashingError> {
    // The cost is the one that stands in the hash, so raising it above locks nobody out.
    match argon2()?.verify_password(password, &PasswordHash::new(hash)?) {
        Ok(()) => Ok(true),
        Err(HashingError::PasswordInvalid) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_hash_fits_its_password_only() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash(&password("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(
            hash,
            passwords.hash(&password("correct horse")).await.unwrap(),
            "each hash has its own salt"
        );
        assert!(
            passwords
                .matches(&password("correct horse"), Some(&hash))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .matches(&password("Correct horse"), Some(&hash))
                .await
                .unwrap()
        );
        assert!(!passwords.matches(&password("correct horse"), None).await.unwrap());
    }

    #[tokio::test]
    async fn no_more_at_a_time_than_there_are_workers() {
        let passwords = Passwords {
            workers: Arc::new(Semaphore::new(1)),
            decoy: "".into(),
        };
        let (release, held) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let passwords = passwords.clone();
            async move { passwords.work(move || held.recv()).await.unwrap() }
        });
        while passwords.workers.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        // The client of the first hangs up; its work goes on, and nobody else may begin.
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        assert_eq!(passwords.workers.available_permits(), 0);
        release.send(()).unwrap();
        assert_eq!(passwords.work(|| 7).await.unwrap(), 7);
    }
}
