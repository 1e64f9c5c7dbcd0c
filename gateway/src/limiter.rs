//! The rate limit: a token bucket per user, or per address for callers without a token.
//!
//! The bucket is in Redis, so that all gateways share it. While Redis is unavailable, each gateway has local buckets with the
//! same rate and burst: requests stay limited, and none is refused because of the outage.

use crate::headers::{LIMIT, LIMIT_POLICY};
use deadpool_redis::redis::{
    Cmd, ErrorKind, RedisError, RedisResult, Script, ServerErrorKind, aio::MultiplexedConnection, cmd,
};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
};
use http::{HeaderName, HeaderValue};
use kernel::chain;
use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Interval at which full local buckets are dropped.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// Names of the kinds of bucket, for clients and metrics.
const USER: &str = "user";
const ADDRESS: &str = "address";

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("limiter/take.lua")));

/// The limiter of one gateway.
pub struct Limiter {
    local: DefaultKeyedRateLimiter<String, StateInformationMiddleware>,
    clock: DefaultClock,
    is_local: AtomicBool,
    rate_per_s: NonZeroU32,
    burst: NonZeroU32,
    /// `RateLimit-Policy` of each kind of bucket.
    user_policy: HeaderValue,
    address_policy: HeaderValue,
}

/// The bucket that a request takes a token from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// Bucket of a user.
    User(uuid::Uuid),
    /// Bucket of an address, made by [`Bucket::address`].
    Address(IpAddr),
}

/// The command that takes a token of a shared bucket.
pub struct Take(Cmd);

/// The script's answer: microseconds to wait, tokens left, microseconds until the bucket is full.
pub type Taken = (u64, u32, u64);

/// The result of taking a token.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
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
    pub fn new(rate_per_s: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_second(rate_per_s).allow_burst(burst);
        let window_s = burst.get().div_ceil(rate_per_s.get());
        let policy = |kind: &str| header_value(format!("\"{kind}\";q={burst};w={window_s}"));
        Self {
            user_policy: policy(USER),
            address_policy: policy(ADDRESS),
            local: RateLimiter::keyed(quota).with_middleware(),
            clock: DefaultClock::default(),
            is_local: AtomicBool::new(false),
            rate_per_s,
            burst,
        }
    }

    /// Returns the command that takes a token, unless the session under `session_key` has ended.
    pub fn take(&self, bucket: &Bucket, session_key: Option<&str>) -> Take {
        let mut command = cmd("EVALSHA");
        command
            .arg(TAKE.get_hash())
            .arg(1)
            .arg(bucket.key())
            .arg(1_000_000 / self.rate_per_s.get())
            .arg(self.burst.get())
            .arg(session_key);
        Take(command)
    }

    /// Returns the verdict on a request: that of the shared bucket, or of the local one if Redis is unavailable (`None`) or
    /// refuses the command.
    pub fn verdict(&self, bucket: &Bucket, taken: Option<RedisResult<Taken>>) -> Verdict {
        let refusal = taken
            .as_ref()
            .and_then(|taken| taken.as_ref().err())
            .map(|error| chain(error));
        let shared = taken.and_then(Result::ok).map(Verdict::from);
        let was_local = self.is_local.swap(shared.is_none(), Ordering::Relaxed);
        let verdict = shared.unwrap_or_else(|| self.take_local(&bucket.key()));
        if let Some(error) = refusal.filter(|_| !was_local) {
            tracing::warn!(
                dependency = "redis",
                error,
                "Redis takes no tokens: using local rate limits"
            );
        }
        if verdict.is_refusal() {
            metrics::counter!("gateway_rate_limited_total", "bucket" => bucket.kind()).increment(1);
        }
        verdict
    }

    /// Returns true if the last request was counted locally and not in Redis.
    pub fn is_local(&self) -> bool {
        self.is_local.load(Ordering::Relaxed)
    }

    /// Returns the `RateLimit-Policy` and `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers).
    pub fn describe(&self, bucket: &Bucket, verdict: Verdict) -> [(HeaderName, HeaderValue); 2] {
        let kind = bucket.kind();
        let state = format!("\"{kind}\";r={};t={}", verdict.remaining, ceil_s(verdict.full_in));
        let policy = match bucket {
            Bucket::User(_) => &self.user_policy,
            Bucket::Address(_) => &self.address_policy,
        };
        [(LIMIT_POLICY, policy.clone()), (LIMIT, header_value(state))]
    }

    /// Drops full local buckets, so that they do not grow without bound; never returns.
    pub async fn sweep(&self) {
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            self.local.retain_recent();
        }
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

impl Take {
    /// Returns the command.
    pub fn command(&self) -> Cmd {
        self.0.clone()
    }

    /// Completes an answer: a Redis that does not know the script is given it, and asked again.
    pub async fn completed(
        self,
        taken: RedisResult<Taken>,
        connection: &mut MultiplexedConnection,
    ) -> RedisResult<Taken> {
        let is_unknown = |error: &RedisError| error.kind() == ErrorKind::Server(ServerErrorKind::NoScript);
        if !taken.as_ref().is_err_and(is_unknown) {
            return taken;
        }
        TAKE.load_async(connection).await?;
        self.0.query_async(connection).await
    }
}

impl From<Taken> for Verdict {
    fn from((wait_us, remaining, full_in_us): Taken) -> Self {
        Self {
            wait: Duration::from_micros(wait_us),
            remaining,
            full_in: Duration::from_micros(full_in_us),
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
    /// Returns the bucket of an address. A customer has a whole IPv6 /64, which counts as one address.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address @ IpAddr::V4(_) => address,
        })
    }

    fn key(&self) -> String {
        match self {
            Self::User(user_id) => format!("bucket:{user_id}"),
            Self::Address(address) => format!("bucket:{address}"),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => USER,
            Self::Address(_) => ADDRESS,
        }
    }
}

fn header_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("letters, digits and quotes")
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
        let key = |address: &str| Bucket::address(address.parse().unwrap()).key();
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    }
}
