//! A user-service under test, its users and their sessions.

use crate::requests::expect_json;
use deadpool_redis::redis::{AsyncCommands, Client as Redis, aio::MultiplexedConnection};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::{TestEnv, TestService, eventually, variable};
use user_service::{MIGRATOR, assemble, config::Config, domain::Role};
use uuid::Uuid;
use web::identity::{self, IDENTITY_HEADER};

pub(crate) const SIGNING_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/signing-key.pem");
pub(crate) const PASSWORD: &str = "correct horse battery";

/// One instance with its own database and virtual host.
pub(crate) struct TestApp {
    pub(crate) env: TestEnv,
    pub(crate) service: TestService,
}

/// A registered user, with an identity token as the gateway would pass it on.
pub(crate) struct TestUser {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) identity: String,
}

/// The answer to a log-in or a refresh.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TokenResponse {
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

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with_redis(&variable("TEST_REDIS_URL")).await
    }

    pub(crate) async fn with_redis(redis_url: &str) -> Self {
        Self::with_variables(&[("REDIS_URL", redis_url)]).await
    }

    pub(crate) async fn with_variables(variables: &[(&str, &str)]) -> Self {
        let env = new_env().await;
        let service = start(&env, variables).await;
        Self { env, service }
    }

    pub(crate) fn register_request(&self, body: &Value) -> RequestBuilder {
        self.service.request(Method::POST, "/api/users").json(body)
    }

    pub(crate) async fn register(&self, email: &str) -> TestUser {
        let body = json!({"email": email, "password": PASSWORD, "name": "Ada Lovelace"});
        let user: Value = expect_json(self.register_request(&body), StatusCode::CREATED).await;
        let id = user["id"].as_str().unwrap().parse().unwrap();
        TestUser {
            id,
            email: user["email"].as_str().unwrap().to_owned(),
            identity: self.env.identity(id, identity::Role::Customer),
        }
    }

    /// Returns the answer to a `GET`, which must be 200.
    pub(crate) async fn get(&self, path: &str, identity: &str) -> Value {
        expect_json(self.service.get(path, identity), StatusCode::OK).await
    }

    pub(crate) fn update_request(&self, identity: &str, change: &Value) -> RequestBuilder {
        self.service
            .request(Method::PATCH, "/api/users/me")
            .header(IDENTITY_HEADER, identity)
            .json(change)
    }

    /// Changes a user's name or e-mail address; returns the changed user.
    pub(crate) async fn update(&self, user: &TestUser, change: Value) -> Value {
        expect_json(self.update_request(&user.identity, &change), StatusCode::OK).await
    }

    pub(crate) fn login_request(&self, email: &str, password: &str) -> RequestBuilder {
        self.service
            .request(Method::POST, "/api/auth/login")
            .json(&json!({"email": email, "password": password}))
    }

    pub(crate) async fn log_in(&self, email: &str) -> TokenResponse {
        expect_json(self.login_request(email, PASSWORD), StatusCode::OK).await
    }

    pub(crate) fn refresh_request(&self, refresh_token: &str) -> RequestBuilder {
        self.service
            .request(Method::POST, "/api/auth/refresh")
            .json(&json!({"refreshToken": refresh_token}))
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> TokenResponse {
        expect_json(self.refresh_request(refresh_token), StatusCode::OK).await
    }

    pub(crate) fn logout_request(&self, identity: &str, refresh_token: &str) -> RequestBuilder {
        self.service
            .post("/api/auth/logout", identity)
            .json(&json!({"refreshToken": refresh_token}))
    }

    /// Verifies an access token as the gateway would: with the published keys alone.
    pub(crate) async fn verify(&self, access_token: &str) -> Claims {
        let request = self.service.request(Method::GET, "/.well-known/jwks.json");
        let keys: JwkSet = expect_json(request, StatusCode::OK).await;
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

    /// Returns the id of the session that an access token belongs to.
    pub(crate) async fn session_id(&self, tokens: &TokenResponse) -> Uuid {
        self.verify(&tokens.access_token).await.sid
    }

    /// Waits until the outbox is empty; returns the number of events of this type about this subject.
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

    pub(crate) async fn session_count(&self, user_id: Uuid) -> i64 {
        sqlx::query_scalar!(
            r#"select count(*) as "count!" from sessions where user_id = $1"#,
            user_id
        )
        .fetch_one(&self.service.database)
        .await
        .unwrap()
    }
}

/// Creates an environment with a queue for every event, so that each is routable and leaves the outbox.
pub(crate) async fn new_env() -> TestEnv {
    TestEnv::new(&["analytics-queue"]).await
}

pub(crate) async fn start(env: &TestEnv, variables: &[(&str, &str)]) -> TestService {
    let variables = [&[("TOKEN_SIGNING_KEY_FILE", SIGNING_KEY)], variables].concat();
    let config = TestEnv::config::<Config>(&variables);
    env.start("user-service", &MIGRATOR, config, assemble).await
}

/// Returns the session's copy in Redis.
pub(crate) async fn cached_session(session_id: Uuid) -> Option<Value> {
    let text: Option<String> = redis().await.get(format!("session:{session_id}")).await.unwrap();
    text.map(|text| serde_json::from_str(&text).unwrap())
}

/// Waits until the session's copy in Redis is removed.
pub(crate) async fn cached_session_removed(session_id: Uuid) {
    eventually("the session's copy to be removed", || async {
        cached_session(session_id).await.is_none().then_some(())
    })
    .await;
}

/// Waits until the session's copy in Redis has this e-mail address.
pub(crate) async fn cached_email_changed(session_id: Uuid, email: &str) {
    eventually("the new e-mail address in Redis", || async {
        (cached_session(session_id).await?["email"] == email).then_some(())
    })
    .await;
}

pub(crate) async fn redis() -> MultiplexedConnection {
    let client = Redis::open(variable("TEST_REDIS_URL")).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}
