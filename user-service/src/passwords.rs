//! Hashes and checks passwords: argon2id, on a few threads at a time.

use crate::{domain::Password, error::Error};
use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::{
        Error as HashingError,
        phc::{Output, ParamsString, Salt},
    },
};
use std::{sync::Arc, thread::available_parallelism, time::Duration};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

/// RFC 9106's algorithm with OWASP's smallest recommended cost: 19 MiB, two passes, one lane; some 20 ms.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// glibc gives an allocation back to the system when it is freed if it is larger than 32 MiB; of smaller ones each thread may
/// keep one, and a few log-ins would leave the process at hundreds of MiB. What is asked for and not touched costs nothing.
const BLOCKS_GIVEN_BACK: usize = 33 * 1024 * 1024 / Block::SIZE;
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

fn hash(password: &[u8]) -> Result<String, HashingError> {
    let (algorithm, version, salt) = (Algorithm::Argon2id, Version::V0x13, Salt::generate());
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    let named = ParamsString::try_from(&params)?;
    let output = compute(&Argon2::new(algorithm, version, params), password, &salt)?;
    let hash = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: named,
        salt: Some(salt),
        hash: Some(output),
    };
    Ok(hash.to_string())
}

fn verify(password: &[u8], hash: &str) -> Result<bool, HashingError> {
    let hash = PasswordHash::new(hash)?;
    let (Some(salt), Some(expected), Some(version)) = (&hash.salt, &hash.hash, hash.version) else {
        return Err(HashingError::EncodingInvalid);
    };
    // The cost is the one that stands in the hash, so raising it above locks nobody out.
    let (algorithm, params) = (Algorithm::try_from(hash.algorithm.as_str())?, Params::try_from(&hash)?);
    let output = compute(&Argon2::new(algorithm, version.try_into()?, params), password, salt)?;
    // Comparing two `Output`s takes the same time however much of them is equal.
    Ok(output == *expected)
}

fn compute(argon2: &Argon2<'_>, password: &[u8], salt: &Salt) -> Result<Output, HashingError> {
    let params = argon2.params();
    let mut memory = Vec::with_capacity(params.block_count().max(BLOCKS_GIVEN_BACK));
    memory.resize(params.block_count(), Block::new());
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2.hash_password_into_with_memory(password, salt, &mut output, &mut memory)?;
    Ok(Output::new(&output)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::{PasswordHasher, PasswordVerifier};
    use tokio::task::JoinSet;

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
        // What argon2's own interface says to both.
        let theirs = Argon2::default().hash_password(b"correct horse").unwrap().to_string();
        assert!(
            passwords
                .matches(&password("correct horse"), Some(&theirs))
                .await
                .unwrap()
        );
        assert!(
            Argon2::default()
                .verify_password(b"correct horse", hash.as_str())
                .is_ok()
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
        let mut first = JoinSet::new();
        first.spawn({
            let passwords = passwords.clone();
            async move { passwords.work(move || held.recv()).await.unwrap() }
        });
        while passwords.workers.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        // The client of the first hangs up; its work goes on, and nobody else may begin.
        first.shutdown().await;
        assert_eq!(passwords.workers.available_permits(), 0);
        release.send(()).unwrap();
        assert_eq!(passwords.work(|| 7).await.unwrap(), 7);
    }
}
