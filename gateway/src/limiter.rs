//! The rate limit: a token bucket per user, or per address for callers without a token.
//!
//! The bucket is in Redis, so that all gateways share it. While Redis is unavailable, each gateway has local buckets with the
//! same rate and burst: requests stay limited, and none is refused because of the outage.

use crate::redis::Redis;
use deadpool_redis::redis::Script;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
};
use http::{HeaderMap, HeaderValue};
use std::{
    num::NonZeroU32,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Interval at which full local buckets are dropped.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("limiter/take.lua")));

/// The limiter of one gateway.
pub struct Limiter {
    redis: Arc<Redis>,
    local: DefaultKeyedRateLimiter<String, StateInformationMiddleware>,
    clock: DefaultClock,
    is_local: AtomicBool,
    rate_per_s: NonZeroU32,
    burst: NonZeroU32,
}

/// The bucket that a request takes a token from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bucket {
    /// Bucket of a user.
    User(uuid::Uuid),
    /// Bucket of an address. A customer has a whole IPv6 /64, which counts as one address.
    Address(std::net::IpAddr),
}

/// The result of taking a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Time until a token is back; zero if there was one.
    pub wait: Duration,
    /// Number of tokens left.
    pub remaining: u32,
    /// Time until the bucket is full.
    pub full_in: Duration,
}

impl Limiter {
    /// Creates a limiter.
    pub fn new(redis: Arc<Redis>, rate_per_s: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_second(rate_per_s).allow_burst(burst);
        Self {
            redis,
            local: RateLimiter::keyed(quota).with_middleware(),
            clock: DefaultClock::default(),
            is_local: AtomicBool::new(false),
            rate_per_s,
            burst,
        }
    }

    /// Takes one token.
    pub async fn take(&self, bucket: &Bucket) -> Verdict {
        let key = bucket.key();
        let verdict = match self.take_shared(&key).await {
            Some(verdict) => verdict,
            None => self.take_local(&key),
        };
        if verdict.is_refusal() {
            metrics::counter!("gateway_rate_limited_total", "bucket" => bucket.kind()).increment(1);
        }
        verdict
    }

    /// Returns true if the last request was counted locally and not in Redis.
    pub fn is_local(&self) -> bool {
        self.is_local.load(Ordering::Relaxed)
    }

    /// Writes the `RateLimit-Policy` and `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers).
    pub fn describe(&self, bucket: &Bucket, verdict: Verdict, headers: &mut HeaderMap) {
        let (kind, burst) = (bucket.kind(), self.burst);
        let window_s = burst.get().div_ceil(self.rate_per_s.get());
        let policy = format!("\"{kind}\";q={burst};w={window_s}");
        let state = format!("\"{kind}\";r={};t={}", verdict.remaining, ceil_s(verdict.full_in));
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            headers.insert(name, HeaderValue::from_str(&value).expect("letters, digits and quotes"));
        }
    }

    /// Drops full local buckets, so that they do not grow without bound; never returns.
    pub async fn sweep(&self) {
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            self.local.retain_recent();
        }
    }

    async fn take_shared(&self, key: &str) -> Option<Verdict> {
        let mut invocation = TAKE.key(key);
        invocation.arg(1_000_000 / self.rate_per_s.get()).arg(self.burst.get());
        let answer = self.redis.query(move |connection| {
            Box::pin(async move { invocation.invoke_async::<(u64, u32, u64)>(connection).await })
        });
        let answer = answer.await;
        self.is_local.store(answer.is_err(), Ordering::Relaxed);
        let (wait_us, remaining, full_in_us) = answer.ok()?;
        let (wait, full_in) = (Duration::from_micros(wait_us), Duration::from_micros(full_in_us));
        Some(Verdict {
            wait,
            remaining,
            full_in,
        })
    }

    fn take_local(&self, key: &str) -> Verdict {
        metrics::counter!("gateway_rate_limiter_local_total").increment(1);
        let (wait, remaining) = match self.local.check_key(&key.to_owned()) {
            Ok(state) => (Duration::ZERO, state.remaining_burst_capacity()),
            Err(refusal) => (
                refusal.wait_time_from(self.clock.now()).max(Duration::from_micros(1)),
                0,
            ),
        };
        let missing = self.burst.get() - remaining.min(self.burst.get());
        Verdict {
            wait,
            remaining,
            full_in: Duration::from_secs(1) * missing / self.rate_per_s.get(),
        }
    }
}

impl Verdict {
    /// Returns true if the request must wait.
    pub fn is_refusal(self) -> bool {
        !self.wait.is_zero()
    }

    /// Returns `Retry-After`: whole seconds, at least one, and never too short.
    pub fn retry_after_s(self) -> u64 {
        ceil_s(self.wait).max(1)
    }
}

impl Bucket {
    fn key(&self) -> String {
        match self {
            Self::User(user_id) => format!("bucket:{user_id}"),
            Self::Address(std::net::IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("bucket:{a:x}:{b:x}:{c:x}:{d:x}::")
            }
            Self::Address(address) => format!("bucket:{address}"),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Address(_) => "address",
        }
    }
}

fn ceil_s(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        let verdict = |ms| Verdict {
            wait: Duration::from_millis(ms),
            remaining: 0,
            full_in: Duration::ZERO,
        };
        assert_eq!([1, 100, 1000, 1001].map(|ms| verdict(ms).retry_after_s()), [1, 1, 1, 2]);
        assert!(!verdict(0).is_refusal());
    }

    #[test]
    fn addresses_in_one_ipv6_network_share_a_bucket() {
        let key = |address: &str| Bucket::Address(address.parse().unwrap()).key();
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    }
}
