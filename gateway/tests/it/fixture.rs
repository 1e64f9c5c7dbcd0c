//! A gateway, one stub for all services, and users with sessions.

mod raw;
mod redis_user;
mod replica;
mod stub;
mod tokens;

pub(crate) use raw::{Answer, raw, raw_from};
pub(crate) use redis_user::RedisUser;
pub(crate) use replica::Replica;
pub(crate) use stub::{PIECE, PIECES, Stub, answer_json};
pub(crate) use testkit::eventually;
pub(crate) use tokens::{TestUser, claims, jwks_of, now_s, sign, sign_as, stranger_key, user_service_key};

use deadpool_redis::{Pool, Runtime, redis::AsyncCommands};
use gateway::{
    config::{Config, Limits},
    routes::{RouteTable, url_variable},
    start::run,
};
use runtime::{StartError, arguments};
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const GATEWAY_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/keys/gateway.pem");

/// A running gateway and its surroundings.
pub(crate) struct TestGateway {
    pub(crate) address: SocketAddr,
    pub(crate) operators: SocketAddr,
    pub(crate) stub: Stub,
    pub(crate) client: reqwest::Client,
    pub(crate) stop: CancellationToken,
    pub(crate) ended: JoinHandle<Result<(), StartError>>,
    redis: Pool,
}

/// The options of a test.
pub(crate) struct Options {
    pub(crate) limits: Limits,
    pub(crate) redis_url: String,
    /// Base URL of every service; the stub's where absent.
    pub(crate) services_url: Option<String>,
    pub(crate) trusted_proxies: &'static str,
    pub(crate) client_address: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // More than any test asks for.
            limits: Limits {
                rate_per_s: 100_000,
                rate_burst: 100_000,
                ..limits()
            },
            redis_url: redis_url(),
            services_url: None,
            trusted_proxies: "",
            client_address: own_address(),
        }
    }
}

/// An address of this host that no other test uses, and whose bucket no earlier run has emptied.
pub(crate) fn own_address() -> String {
    let [.., a, b, c] = *kernel::id::new().as_bytes();
    format!("127.{}.{b}.{}", a.max(100), c.clamp(1, 254))
}

/// The default limits.
pub(crate) fn limits() -> Limits {
    arguments::from_variables(&[]).unwrap()
}

pub(crate) fn redis_url() -> String {
    testkit::variable("TEST_REDIS_URL")
}

impl TestGateway {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let stub = Stub::start().await;
        let public_port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let operators_port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, operators) = (public_port.local_addr().unwrap(), operators_port.local_addr().unwrap());
        let config = config(&options, &stub);
        let stop = CancellationToken::new();
        let ended = tokio::spawn(run(config, public_port, operators_port, stop.clone()));
        let client_address: IpAddr = options.client_address.parse().unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .local_address(Some(client_address))
            .build()
            .unwrap();
        let redis = deadpool_redis::Config::from_url(redis_url())
            .create_pool(Some(Runtime::Tokio1))
            .unwrap();
        let gateway = Self {
            address,
            operators,
            stub,
            client,
            stop,
            ended,
            redis,
        };
        eventually("the gateway to be ready", || async {
            gateway
                .client
                .get(gateway.operators_url("/readyz"))
                .send()
                .await
                .ok()
                .filter(|answer| answer.status() == 200)
        })
        .await;
        gateway
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn operators_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.operators)
    }

    /// A GET with a token.
    pub(crate) async fn get(&self, path: &str, token: &str) -> reqwest::Response {
        self.client.get(self.url(path)).bearer_auth(token).send().await.unwrap()
    }

    /// A user with a session in Redis.
    pub(crate) async fn user(&self, role: &str) -> TestUser {
        let user = TestUser::new(role);
        self.put_session(&user.session_id, user.id, role).await;
        user
    }

    pub(crate) async fn put_session(&self, session_id: &str, user_id: Uuid, role: &str) {
        let value = serde_json::json!({ "userId": user_id, "role": role, "email": "someone@example.com" });
        let mut redis = self.redis.get().await.unwrap();
        let () = redis
            .set_ex(format!("session:{session_id}"), value.to_string(), 600)
            .await
            .unwrap();
    }

    /// Makes the bucket of a user one that the limiter's script fails on.
    pub(crate) async fn spoil_bucket(&self, user_id: Uuid) {
        let mut redis = self.redis.get().await.unwrap();
        let key = format!("bucket:{user_id}");
        let _: u64 = redis.rpush(&key, "no number").await.unwrap();
        let _: bool = redis.expire(key, 600).await.unwrap();
    }

    /// Fills a bucket as a server would whose clock was an hour ahead.
    pub(crate) async fn fill_bucket_in_the_future(&self, user_id: Uuid) {
        let full_at = (now_s() + 3600) * 1_000_000;
        let mut redis = self.redis.get().await.unwrap();
        let () = redis
            .set_ex(format!("bucket:{user_id}"), full_at.to_string(), 600)
            .await
            .unwrap();
    }

    /// Makes the key of a session one that is no text.
    pub(crate) async fn spoil_session(&self, session_id: &str) {
        let mut redis = self.redis.get().await.unwrap();
        let key = format!("session:{session_id}");
        let _: u64 = redis.del(&key).await.unwrap();
        let _: u64 = redis.rpush(&key, "no session").await.unwrap();
        let _: bool = redis.expire(key, 600).await.unwrap();
    }

    pub(crate) async fn end_session(&self, session_id: &str) {
        let mut redis = self.redis.get().await.unwrap();
        let _: u64 = redis.del(format!("session:{session_id}")).await.unwrap();
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn config(options: &Options, stub: &Stub) -> Config {
    let services_url = options.services_url.clone().unwrap_or_else(|| stub.url());
    let mut variables = vec![
        ("LISTEN_ADDR", "127.0.0.1:0".to_owned()),
        ("OPERATORS_ADDR", "127.0.0.1:0".to_owned()),
        ("REDIS_URL", options.redis_url.clone()),
        (
            "IDENTITY_SIGNING_KEY_FILE",
            PathBuf::from(GATEWAY_KEY).display().to_string(),
        ),
        ("TRUSTED_PROXIES", options.trusted_proxies.to_owned()),
    ];
    let upstreams: Vec<String> = RouteTable::built_in()
        .upstreams()
        .into_iter()
        .map(url_variable)
        .collect();
    variables.extend(
        upstreams
            .iter()
            .map(|variable| (variable.as_str(), services_url.clone())),
    );
    // Token keys come from user-service, also where the other services are replaced.
    variables.retain(|(name, _)| *name != "USER_SERVICE_URL");
    variables.push(("USER_SERVICE_URL", stub.url()));
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut config: Config = arguments::from_variables(&variables).unwrap();
    config.limits = options.limits;
    config
}

/// The body as a problem; it must be one, of this status.
pub(crate) async fn problem(answer: reqwest::Response, status: u16) -> serde_json::Value {
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let correlation_id = answer.headers()["x-correlation-id"].to_str().unwrap().to_owned();
    let problem: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status);
    assert_eq!(problem["correlationId"], correlation_id);
    problem
}
