//! Attacks on the access token. Each must end at the gateway.

use crate::fixture::{
    TestGateway, TestUser, claims, eventually, jwks_of, now_s, problem, raw, sign, sign_as, stranger_key,
    user_service_key,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

async fn refused(gateway: &TestGateway, what: &str, token: &str) {
    let answer = gateway.get("/api/orders", token).await;
    assert_eq!(
        answer
            .headers()
            .get("www-authenticate")
            .map(http::HeaderValue::as_bytes),
        Some(&b"Bearer"[..]),
        "{what}"
    );
    problem(answer, 401).await;
    assert!(gateway.stub.seen().is_empty(), "{what} reached the service");
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[tokio::test]
async fn a_missing_token_is_401_with_a_bearer_challenge() {
    let gateway = TestGateway::new().await;
    let answer = gateway.client.get(gateway.url("/api/orders")).send().await.unwrap();
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    assert_eq!(problem(answer, 401).await["code"], "token-missing");
    assert!(gateway.stub.seen().is_empty());
}

#[tokio::test]
async fn unsigned_tokens_are_refused() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("admin").await;
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let payload = encode(&claims(&user));
    for algorithm in ["none", "None", "nOnE", "NONE", ""] {
        let header = encode(&json!({ "alg": algorithm, "typ": "at+jwt", "kid": "k" }));
        refused(&gateway, algorithm, &format!("{header}.{payload}.")).await;
        refused(&gateway, algorithm, &format!("{header}.{payload}")).await;
    }
    let (signed, _signature) = user.token.rsplit_once('.').unwrap();
    refused(&gateway, "no signature", &format!("{signed}.")).await;
    let (header, _) = signed.split_once('.').unwrap();
    let (_, signature) = user.token.rsplit_once('.').unwrap();
    let other = encode(&with(&claims(&user), "role", json!("admin")));
    refused(&gateway, "another payload", &format!("{header}.{other}.{signature}")).await;
}

#[tokio::test]
async fn hmac_tokens_keyed_with_the_public_key_are_refused() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("admin").await;
    let jwks = jwks_of(&[user_service_key()]);
    let (x, kid) = (
        jwks["keys"][0]["x"].as_str().unwrap(),
        jwks["keys"][0]["kid"].as_str().unwrap(),
    );
    let secrets = [
        x.as_bytes().to_vec(),
        URL_SAFE_NO_PAD.decode(x).unwrap(),
        jwks.to_string().into_bytes(),
        vec![],
    ];
    for secret in secrets {
        let token = sign_as(&claims(&user), &EncodingKey::from_secret(&secret), |header| {
            header.alg = Algorithm::HS256;
            header.kid = Some(kid.to_owned());
        });
        refused(&gateway, "HS256 with the public key", &token).await;
    }
}

#[tokio::test]
async fn keys_embedded_in_a_token_are_ignored() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("admin").await;
    let stranger = stranger_key();
    let own = jwks_of(&[stranger_key()]);
    refused(
        &gateway,
        "a stranger's key",
        &sign_as(&claims(&user), &stranger, |_| {}),
    )
    .await;
    let kid = jwks_of(&[user_service_key()])["keys"][0]["kid"]
        .as_str()
        .unwrap()
        .to_owned();
    let borrowed = sign_as(&claims(&user), &stranger, |header| header.kid = Some(kid.clone()));
    refused(&gateway, "a stranger's key under our name", &borrowed).await;
    let embedded = sign_as(&claims(&user), &stranger, |header| {
        header.jwk = serde_json::from_value(own["keys"][0].clone()).unwrap();
        header.jku = Some("http://127.0.0.1:1/jwks.json".to_owned());
    });
    refused(&gateway, "an embedded key", &embedded).await;
    for kid in [
        None,
        Some("../../etc/passwd".to_owned()),
        Some("' or 1=1".to_owned()),
        Some(String::new()),
    ] {
        let token = sign_as(&claims(&user), &user_service_key(), |header| header.kid = kid);
        refused(&gateway, "a wrong kid", &token).await;
    }
}

#[tokio::test]
async fn another_token_type_is_refused() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("admin").await;
    for kind in [None, Some("JWT"), Some("identity+jwt"), Some("rt+jwt")] {
        let token = sign_as(&claims(&user), &user_service_key(), |header| {
            header.typ = kind.map(str::to_owned);
        });
        refused(&gateway, "another typ", &token).await;
    }
    let critical = sign_as(&claims(&user), &user_service_key(), |header| {
        header.crit = Some(vec!["exp".to_owned()]);
    });
    refused(&gateway, "an unknown critical extension", &critical).await;
}

#[tokio::test]
async fn tokens_outside_their_validity_period_are_refused() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("customer").await;
    let good = claims(&user);
    let wrong = [
        ("exp", json!(now_s() - 7)),
        ("exp", json!("never")),
        ("exp", json!((now_s() + 900).to_string())),
        ("exp", json!(4_000_000_000.5)),
        ("exp", json!(-1)),
        ("exp", json!(1e308)),
        ("exp", json!(null)),
        ("nbf", json!(now_s() + 3600)),
        ("nbf", json!("0")),
        ("nbf", json!(null)),
        ("iat", json!(now_s() + 3600)),
        ("iat", json!("0")),
    ];
    for (name, value) in wrong {
        refused(
            &gateway,
            &format!("{name}: {value}"),
            &sign(&with(&good, name, value.clone())),
        )
        .await;
    }
    for name in ["exp", "nbf", "iat"] {
        refused(&gateway, &format!("no {name}"), &sign(&without(&good, name))).await;
    }
    let within_leeway = sign(&with(&good, "exp", json!(now_s() - 2)));
    assert_eq!(gateway.get("/api/orders", &within_leeway).await.status(), 200);
}

#[tokio::test]
async fn tokens_with_a_wrong_or_missing_claim_are_refused() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("customer").await;
    let good = claims(&user);
    let wrong = [
        ("iss", json!("gateway")),
        ("iss", json!(["user-service", "evil"])),
        ("aud", json!("platform-services")),
        ("aud", json!([])),
        ("aud", json!(["platform", "another"])),
        ("sub", json!("not-a-uuid")),
        ("role", json!("root")),
        ("role", json!(["admin"])),
        ("sid", json!(7)),
    ];
    for (name, value) in wrong {
        refused(
            &gateway,
            &format!("{name}: {value}"),
            &sign(&with(&good, name, value.clone())),
        )
        .await;
    }
    for name in ["iss", "aud", "sub", "role", "sid", "email"] {
        refused(&gateway, &format!("no {name}"), &sign(&without(&good, name))).await;
    }
}

#[tokio::test]
async fn a_session_that_has_ended_is_refused() {
    let gateway = TestGateway::new().await;
    let never = TestUser::new("customer");
    refused(&gateway, "a session that never was", &never.token).await;
    let user = gateway.user("customer").await;
    gateway.end_session(&user.session_id).await;
    refused(&gateway, "a session that has ended", &user.token).await;
}

#[tokio::test]
async fn a_session_that_ends_elsewhere_is_refused_at_once() {
    let (gateway, other) = (TestGateway::new().await, TestGateway::new().await);
    let user = gateway.user("customer").await;
    for gateway in [&gateway, &other] {
        assert_eq!(gateway.get("/api/orders", &user.token).await.status(), 200);
    }
    // What user-service does when the user logs out, through whichever gateway.
    gateway.end_session(&user.session_id).await;
    for gateway in [&gateway, &other] {
        let refusal = problem(gateway.get("/api/orders", &user.token).await, 401).await;
        assert_eq!(refusal["code"], "session-ended");
    }
}

#[tokio::test]
async fn a_verified_token_expires_all_the_same() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("customer").await;
    // The leeway is five seconds.
    let token = sign(&with(&claims(&user), "exp", json!(now_s() - 3)));
    assert_eq!(gateway.get("/api/orders", &token).await.status(), 200);
    let refusal = eventually("the token to expire", || async {
        let answer = gateway.get("/api/orders", &token).await;
        (answer.status() != 200).then_some(answer)
    });
    assert_eq!(problem(refusal.await, 401).await["code"], "token-expired");
}

#[tokio::test]
async fn a_verified_token_ends_with_its_key() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("customer").await;
    assert_eq!(gateway.get("/api/orders", &user.token).await.status(), 200);
    gateway.stub.publish_keys(jwks_of(&[stranger_key()]));
    let rotated = sign_as(&claims(&user), &stranger_key(), |_| {});
    // A fetch on demand may have to wait for ten seconds since the last one.
    eventually("the new key to be known", || async {
        (gateway.get("/api/orders", &rotated).await.status() == 200).then_some(())
    })
    .await;
    problem(gateway.get("/api/orders", &user.token).await, 401).await;
}

#[tokio::test]
async fn a_logout_through_this_gateway_takes_effect_at_once() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("customer").await;
    assert_eq!(gateway.get("/api/orders", &user.token).await.status(), 200);
    let logout = gateway
        .client
        .post(gateway.url("/api/auth/logout"))
        .bearer_auth(&user.token)
        .send()
        .await
        .unwrap();
    assert_eq!(logout.status(), 204);
    // The stub stands for user-service, which does this before it answers.
    gateway.end_session(&user.session_id).await;
    assert_eq!(
        problem(gateway.get("/api/orders", &user.token).await, 401).await["code"],
        "session-ended"
    );
}

#[tokio::test]
async fn the_header_must_be_one_bearer_token() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("customer").await;
    let token = &user.token;
    let ask = async |headers: &str, target: &str| {
        raw(
            gateway.address,
            format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"),
        )
        .await
        .status
    };
    let one = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(ask(&one, "/api/orders").await, 200);
    for headers in [
        format!("{one}{one}"),
        format!("{one}Authorization: \r\n"),
        format!("Authorization: Bearer  {token} x\r\n"),
        format!("Authorization: Bearer {token} x\r\n"),
        format!("Authorization: Bearer {token}, Bearer {token}\r\n"),
        format!("Authorization: {token}\r\n"),
        format!("Authorization: Basic {token}\r\n"),
        format!("Authorization: Bearer {}\r\n", "a".repeat(5000)),
        "Authorization: Bearer \r\n".to_owned(),
        "Authorization: Bearer a.b.c\r\n".to_owned(),
    ] {
        assert_eq!(ask(&headers, "/api/orders").await, 401, "{headers}");
    }
    assert_eq!(ask("", &format!("/api/orders?access_token={token}")).await, 401);
    assert_eq!(
        ask(&format!("Cookie: access_token={token}\r\n"), "/api/orders").await,
        401
    );
    assert_eq!(gateway.stub.seen().len(), 1);
}

#[tokio::test]
async fn a_rotated_key_is_fetched_and_an_empty_key_set_is_ignored() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("customer").await;
    gateway
        .stub
        .publish_keys(jwks_of(&[user_service_key(), stranger_key()]));
    let rotated = sign_as(&claims(&user), &stranger_key(), |_| {});
    // A fetch on demand may have to wait for ten seconds since the last one.
    eventually("the new key to be known", || async {
        (gateway.get("/api/orders", &rotated).await.status() == 200).then_some(())
    })
    .await;
    gateway.stub.publish_keys(json!({ "keys": [] }));
    assert_eq!(gateway.get("/api/orders", &user.token).await.status(), 200);
}
