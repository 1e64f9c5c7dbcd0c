//! A running user-service, and what tests ask it.

use deadpool_redis::redis::{AsyncCommands, Client as Redis, aio::MultiplexedConnection};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    identity::{IDENTITY_HEADER, Role},
    testing::{TestBed, TestService, eventually, variable},
};
use tokio::task::JoinSet;
use user_service::{MIGRATOR, assemble, config::Config};
use uuid::Uuid;

pub(crate) const SIGNING_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/signing-key.pem");
pub(crate) const PASSWORD: &str = "correct horse battery";

/// One instance with a database and a virtual host of its own.
pub(crate) struct World {
    pub(crate) bed: TestBed,
    pub(crate) service: TestService,
}

/// A registered user, with an identity as the gateway would pass it on.
pub(crate) struct Someone {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) identity: String,
}

/// What log-in and refresh give.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Grant {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) token_type: String,
    pub(crate) expires_in_s: u64,
    pub(crate) user: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: Uuid,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) sid: Uuid,
    pub(crate) iat: u64,
    pub(crate) nbf: u64,
    pub(crate) exp: u64,
    pub(crate) jti: Uuid,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(&[("REDIS_URL", &variable("TEST_REDIS_URL"))]).await
    }

    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        // A queue that takes everything, so that every event is routable and leaves the outbox.
        let bed = TestBed::new(&["analytics-queue"]).await;
        let service = start(&bed, variables).await;
        Self { bed, service }
    }

    pub(crate) async fn register(&self, email: &str) -> Someone {
        let body = json!({"email": email, "password": PASSWORD, "name": "Ada Lovelace"});
        let answer = self
            .service
            .request(Method::POST, "/api/users")
            .json(&body)
            .send()
            .await
            .unwrap();
        let user: Value = expect(answer, StatusCode::CREATED).await;
        let id = user["id"].as_str().unwrap().parse().unwrap();
        let identity = self.bed.identity(id, Role::Customer);
        Someone {
            id,
            email: user["email"].as_str().unwrap().to_owned(),
            identity,
        }
    }

    pub(crate) fn try_login(&self, email: &str, password: &str) -> RequestBuilder {
        self.service
            .request(Method::POST, "/api/auth/login")
            .json(&json!({"email": email, "password": password}))
    }

    pub(crate) async fn login(&self, email: &str) -> Grant {
        expect(self.try_login(email, PASSWORD).send().await.unwrap(), StatusCode::OK).await
    }

    pub(crate) fn try_refresh(&self, refresh_token: &str) -> RequestBuilder {
        self.service
            .request(Method::POST, "/api/auth/refresh")
            .json(&json!({"refreshToken": refresh_token}))
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Grant {
        expect(self.try_refresh(refresh_token).send().await.unwrap(), StatusCode::OK).await
    }

    pub(crate) fn logout(&self, identity: &str, refresh_token: &str) -> RequestBuilder {
        self.service
            .post("/api/auth/logout", identity)
            .json(&json!({"refreshToken": refresh_token}))
    }

    pub(crate) fn patch(&self, identity: &str, change: &Value) -> RequestBuilder {
        self.service
            .request(Method::PATCH, "/api/users/me")
            .header(IDENTITY_HEADER, identity)
            .json(change)
    }

    /// Verifies an access token as the gateway would: only from the published keys.
    pub(crate) async fn verify(&self, access_token: &str) -> Claims {
        let answer = self
            .service
            .request(Method::GET, "/.well-known/jwks.json")
            .send()
            .await
            .unwrap();
        let keys: JwkSet = expect(answer, StatusCode::OK).await;
        let header = decode_header(access_token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("at+jwt"));
        let key = DecodingKey::from_jwk(keys.find(header.kid.as_deref().unwrap()).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = 5;
        validation.validate_nbf = true;
        validation.set_issuer(&["user-service"]);
        validation.set_audience(&["platform"]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        decode(access_token, &key, &validation).unwrap().claims
    }

    /// How many events of this type about this subject have been written, once all of them are published.
    pub(crate) async fn published(&self, event_type: &str, subject: Uuid) -> i64 {
        eventually("an empty outbox", || async {
            let waiting = sqlx::query_scalar!(r#"select count(*) as "count!" from outbox"#);
            (waiting.fetch_one(&self.service.database).await.unwrap() == 0).then_some(())
        })
        .await;
        sqlx::query_scalar!(
            r#"select count(*) as "count!" from published where event_type = $1 and subject = $2"#,
            event_type,
            subject
        )
        .fetch_one(&self.service.database)
        .await
        .unwrap()
    }

    pub(crate) async fn sessions_of(&self, user_id: Uuid) -> i64 {
        sqlx::query_scalar!(
            r#"select count(*) as "count!" from sessions where user_id = $1"#,
            user_id
        )
        .fetch_one(&self.service.database)
        .await
        .unwrap()
    }
}

/// Starts an instance in the bed.
pub(crate) async fn start(bed: &TestBed, variables: &[(&str, &str)]) -> TestService {
    let all = [&[("TOKEN_SIGNING_KEY_FILE", SIGNING_KEY)], variables].concat();
    let config = TestBed::config(Config::from_env, &all);
    bed.start("user-service", &MIGRATOR, config, assemble).await
}

/// Sends all requests at the same time.
pub(crate) async fn at_once(requests: impl Iterator<Item = RequestBuilder>) -> Vec<Response> {
    let sending: JoinSet<_> = requests.map(RequestBuilder::send).collect();
    sending
        .join_all()
        .await
        .into_iter()
        .map(|answer| answer.unwrap())
        .collect()
}

/// The body of an answer that must have this status.
pub(crate) async fn expect<T: serde::de::DeserializeOwned>(answer: Response, status: StatusCode) -> T {
    let (actual, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(actual, status, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The answer must be a problem with this status and code that says something; gives its detail.
pub(crate) async fn expect_problem(request: RequestBuilder, status: StatusCode, code: &str) -> String {
    let answer = request.send().await.unwrap();
    let media_type = answer.headers().get(CONTENT_TYPE).cloned();
    let retry_after = answer.headers().get("retry-after").cloned();
    let (actual, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(actual, status, "{text}");
    assert_eq!(media_type.unwrap(), "application/problem+json", "{text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&problem["status"], &problem["code"]),
        (&json!(status.as_u16()), &json!(code)),
        "{text}"
    );
    if status == StatusCode::SERVICE_UNAVAILABLE {
        assert!(retry_after.unwrap().to_str().unwrap().parse::<u64>().unwrap() >= 1);
    }
    let detail = problem["detail"].as_str().unwrap().to_owned();
    assert!(!detail.is_empty(), "{text}");
    detail
}

/// The session's copy in Redis.
pub(crate) async fn copy_of(session_id: Uuid) -> Option<Value> {
    let text: Option<String> = redis().await.get(format!("session:{session_id}")).await.unwrap();
    text.map(|text| serde_json::from_str(&text).unwrap())
}

pub(crate) async fn redis() -> MultiplexedConnection {
    let client = Redis::open(variable("TEST_REDIS_URL")).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}
