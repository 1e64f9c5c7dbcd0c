//! Shares: the most that one client may hold at once of what all clients share.

use crate::limiter::Bucket;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What each client holds of one thing: connections, or requests under way.
pub struct Shares {
    held: Mutex<HashMap<Bucket, u32>>,
    max: u32,
}

/// One of them, held until it is dropped.
pub struct Share {
    shares: Arc<Shares>,
    client: Bucket,
}

impl Shares {
    /// Allows each client to hold `max`.
    pub fn new(max: u32) -> Arc<Self> {
        Arc::new(Self {
            held: Mutex::default(),
            max,
        })
    }

    /// Takes one for a client; `None` if it holds all of its share.
    pub fn take(self: &Arc<Self>, client: &Bucket) -> Option<Share> {
        let mut held = self.held();
        let count = held.entry(client.clone()).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Share {
            shares: Arc::clone(self),
            client: client.clone(),
        })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Bucket, u32>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.shares.held().entry(self.client.clone()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_no_more_than_its_share_and_leaves_others_theirs() {
        let shares = Shares::new(2);
        let client = |last| Bucket::address([192, 0, 2, last].into());
        let (first, second) = (shares.take(&client(1)), shares.take(&client(1)));
        assert!(first.is_some() && second.is_some() && shares.take(&client(1)).is_none());
        assert!(shares.take(&client(2)).is_some());
        drop(first);
        assert!(shares.take(&client(1)).is_some());
        drop(second);
        assert!(shares.held().is_empty());
    }
}
