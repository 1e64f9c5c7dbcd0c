//! Hashing and verification of passwords: argon2id, on a limited number of threads.

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

/// The algorithm of RFC 9106 at the lowest cost that OWASP recommends: 19 MiB, two passes, one lane; some 20 ms.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Capacity above which glibc returns a freed allocation to the system (32 MiB). Of smaller ones each thread may keep one, so
/// that a few log-ins would leave the process at hundreds of MiB. Memory that is reserved and not touched costs nothing.
const BLOCKS_RETURNED_WHEN_FREED: usize = 33 * 1024 * 1024 / Block::SIZE;
/// Longest wait for a permit; after it the request is refused with 503.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(3);

/// A password hasher with one permit per processor. A storm of log-ins waits for permits, and takes neither 19 MiB for each
/// request nor the processors from everything else.
#[derive(Clone)]
pub struct PasswordHasher {
    permits: Arc<Semaphore>,
    /// The hash that stands in for the one of an unknown user.
    decoy_hash: Arc<str>,
}

impl PasswordHasher {
    /// Creates the permits and the decoy hash.
    pub fn new() -> Result<Self, HashingError> {
        let processors = available_parallelism().map_or(2, std::num::NonZero::get);
        // The password behind it is random and not kept.
        let decoy_hash = hash(kernel::id::new().as_bytes())?;
        Ok(Self {
            permits: Arc::new(Semaphore::new(processors)),
            decoy_hash: decoy_hash.into(),
        })
    }

    /// Hashes a password with a new salt. Returns a PHC string.
    pub async fn hash(&self, password: &Password) -> Result<String, Error> {
        let password = password.clone();
        Ok(self.run(move || hash(password.as_bytes())).await??)
    }

    /// Returns true if the password is the one that was hashed. Without a hash the answer is `false` after as long a time as
    /// with one, so that the time does not tell which users exist.
    pub async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<bool, Error> {
        let password = password.clone();
        let expected: Arc<str> = hash.map_or_else(|| Arc::clone(&self.decoy_hash), Arc::from);
        let matches = self.run(move || verify(password.as_bytes(), &expected)).await??;
        Ok(matches && hash.is_some())
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let permit = timeout(PERMIT_TIMEOUT, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| Error::HashingBusy)?;
        let permit = permit.expect("the semaphore is never closed");
        // The permit moves into the work: if the client disconnects, the hash still runs to its end and still counts.
        let done = spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        done.await.map_err(Error::HashingPanicked)
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
    // The cost is the one recorded in the hash, so hashes made before a change of the constants stay valid.
    let (algorithm, params) = (Algorithm::try_from(hash.algorithm.as_str())?, Params::try_from(&hash)?);
    let output = compute(&Argon2::new(algorithm, version.try_into()?, params), password, salt)?;
    // The comparison of two `Output`s takes constant time.
    Ok(output == *expected)
}

fn compute(argon2: &Argon2<'_>, password: &[u8], salt: &Salt) -> Result<Output, HashingError> {
    let params = argon2.params();
    let mut memory = Vec::with_capacity(params.block_count().max(BLOCKS_RETURNED_WHEN_FREED));
    memory.resize(params.block_count(), Block::new());
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2.hash_password_into_with_memory(password, salt, &mut output, &mut memory)?;
    Ok(Output::new(&output)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::{PasswordHasher as _, PasswordVerifier as _};
    use tokio::task::JoinSet;

    fn password(text: &str) -> Password {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn only_the_hashed_password_is_verified() {
        let passwords = PasswordHasher::new().unwrap();
        let hash = passwords.hash(&password("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(
            hash,
            passwords.hash(&password("correct horse")).await.unwrap(),
            "each hash has its own salt"
        );
        assert!(passwords.verify(&password("correct horse"), Some(&hash)).await.unwrap());
        // The hashes are compatible with argon2's own interface, in both directions.
        let foreign_hash = Argon2::default().hash_password(b"correct horse").unwrap().to_string();
        assert!(
            passwords
                .verify(&password("correct horse"), Some(&foreign_hash))
                .await
                .unwrap()
        );
        assert!(
            Argon2::default()
                .verify_password(b"correct horse", hash.as_str())
                .is_ok()
        );
        assert!(!passwords.verify(&password("Correct horse"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&password("correct horse"), None).await.unwrap());
    }

    #[tokio::test]
    async fn hashing_is_limited_to_the_number_of_permits() {
        let passwords = PasswordHasher {
            permits: Arc::new(Semaphore::new(1)),
            decoy_hash: "".into(),
        };
        let (release, held) = std::sync::mpsc::channel::<()>();
        let mut first = JoinSet::new();
        first.spawn({
            let passwords = passwords.clone();
            async move { passwords.run(move || held.recv()).await.unwrap() }
        });
        while passwords.permits.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        // The first client disconnects; its work goes on and keeps the permit.
        first.shutdown().await;
        assert_eq!(passwords.permits.available_permits(), 0);
        release.send(()).unwrap();
        assert_eq!(passwords.run(|| 7).await.unwrap(), 7);
    }
}
