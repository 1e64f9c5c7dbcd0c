//! Tokens that must not pass for an identity.

use super::*;
use axum::{Extension, Router, body::Body, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, StatusCode, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;
use uuid::Uuid;

const OURS: &[u8] = b"-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEII79IL7E1HkUk4X7xzTuVBWlGBsWUs9kQ3A+2WzQ2jtX
-----END PRIVATE KEY-----
";
const FOREIGN: &[u8] = b"-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIPwtXKIl/Seej34DSKSgSJU/8EtMj1JPtp6W7VOPMM18
-----END PRIVATE KEY-----
";

fn signer() -> IdentitySigner {
    IdentitySigner::from_pem(OURS).unwrap()
}

fn public_key() -> Value {
    serde_json::from_str::<Value>(&signer().jwks()).unwrap()["keys"][0].clone()
}

fn verifier() -> IdentityVerifier {
    IdentityVerifier::from_jwks(signer().jwks().as_bytes()).unwrap()
}

fn header() -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("identity+jwt".to_owned());
    header.kid = Some(public_key()["kid"].as_str().unwrap().to_owned());
    header
}

fn claims() -> Value {
    let now_s = jsonwebtoken::get_current_timestamp();
    json!({
        "iss": "gateway", "aud": "platform-services", "sub": Uuid::nil(), "email": "a@b.example", "role": "customer",
        "iat": now_s, "nbf": now_s, "exp": now_s + 60,
    })
}

fn signed(header: &Header, claims: &Value) -> String {
    encode(header, claims, &EncodingKey::from_ed_pem(OURS).unwrap()).unwrap()
}

fn with(changes: &[(&str, Value)]) -> String {
    let mut claims = claims();
    for (name, value) in changes {
        claims[name] = value.clone();
    }
    signed(&header(), &claims)
}

fn without(name: &str) -> String {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    signed(&header(), &claims)
}

#[test]
fn what_the_gateway_signs_verifies() {
    let user_id = kernel::id::new();
    let token = signer().sign(user_id, "a@b.example", Role::Admin).unwrap();
    let identity = verifier().verify(&token).unwrap();
    assert_eq!(
        identity,
        Identity {
            user_id,
            email: "a@b.example".to_owned(),
            role: Role::Admin,
            token
        }
    );
    assert!(
        verifier().verify(&signed(&header(), &claims())).is_ok(),
        "what the other tests change is right unchanged"
    );
    assert!(!signer().jwks().contains("\"d\""), "the private half stays here");
}

#[test]
fn refuses_wrong_times() {
    let now_s = jsonwebtoken::get_current_timestamp();
    for (wrong, token) in [
        ("expired", with(&[("exp", json!(now_s - 8))])),
        ("expired long ago", with(&[("exp", json!(0))])),
        ("not yet valid", with(&[("nbf", json!(now_s + 3600))])),
        ("made in the future", with(&[("iat", json!(now_s + 3600))])),
        ("exp as text", with(&[("exp", json!("never"))])),
        ("exp as a huge float", with(&[("exp", json!(1e308))])),
        ("exp negative", with(&[("exp", json!(-1))])),
        ("nbf as text", with(&[("nbf", json!("always"))])),
    ] {
        assert!(verifier().verify(&token).is_err(), "{wrong}");
    }
    assert!(
        verifier().verify(&with(&[("exp", json!(now_s - 2))])).is_ok(),
        "within the leeway"
    );
}

#[test]
fn refuses_wrong_or_missing_claims() {
    for (name, value) in [
        ("iss", json!("user-service")),
        ("iss", json!(["gateway"])),
        ("aud", json!(["platform-services"])),
        ("aud", json!("platform")),
        ("sub", json!("not a uuid")),
        ("role", json!("superuser")),
        ("role", json!("Admin")),
        ("email", json!(1)),
    ] {
        assert!(
            verifier().verify(&with(&[(name, value.clone())])).is_err(),
            "{name}: {value}"
        );
    }
    for name in ["iss", "aud", "sub", "email", "role", "iat", "nbf", "exp"] {
        assert!(verifier().verify(&without(name)).is_err(), "without {name}");
    }
}

#[test]
fn refuses_wrong_headers() {
    let changed = |change: fn(&mut Header)| {
        let mut header = header();
        change(&mut header);
        signed(&header, &claims())
    };
    for (wrong, token) in [
        (
            "an access token",
            changed(|header| header.typ = Some("at+jwt".to_owned())),
        ),
        ("any token", changed(|header| header.typ = Some("JWT".to_owned()))),
        ("no type", changed(|header| header.typ = None)),
        ("unknown key", changed(|header| header.kid = Some("another".to_owned()))),
        ("no key", changed(|header| header.kid = None)),
        (
            "what must be understood",
            changed(|header| header.crit = Some(vec!["exp".to_owned()])),
        ),
    ] {
        assert!(verifier().verify(&token).is_err(), "{wrong}");
    }
}

#[test]
fn refuses_other_algorithms_and_keys() {
    let public = public_key();
    let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
    for none in ["none", "None", "nOnE", ""] {
        let head = json!({ "alg": none, "typ": "identity+jwt", "kid": public["kid"] });
        let head = URL_SAFE_NO_PAD.encode(head.to_string());
        assert!(
            verifier().verify(&format!("{head}.{payload}.")).is_err(),
            "alg {none:?}"
        );
    }
    let symmetric = Header {
        alg: Algorithm::HS256,
        ..header()
    };
    let x = public["x"].as_str().unwrap();
    for secret in [
        x.as_bytes().to_vec(),
        URL_SAFE_NO_PAD.decode(x).unwrap(),
        signer().jwks().into_bytes(),
    ] {
        let token = encode(&symmetric, &claims(), &EncodingKey::from_secret(&secret)).unwrap();
        assert!(verifier().verify(&token).is_err(), "the public key as a shared secret");
    }
    let foreign = encode(&header(), &claims(), &EncodingKey::from_ed_pem(FOREIGN).unwrap()).unwrap();
    assert!(
        verifier().verify(&foreign).is_err(),
        "another's key under our key's name"
    );
    let mut with_key = header();
    let their_keys: Value = serde_json::from_str(&IdentitySigner::from_pem(FOREIGN).unwrap().jwks()).unwrap();
    with_key.jwk = Some(serde_json::from_value(their_keys["keys"][0].clone()).unwrap());
    let token = encode(&with_key, &claims(), &EncodingKey::from_ed_pem(FOREIGN).unwrap()).unwrap();
    assert!(verifier().verify(&token).is_err(), "a token that brings its own key");
}

#[test]
fn refuses_text_that_is_no_token() {
    let token = signed(&header(), &claims());
    for cut in 0..token.len() {
        assert!(verifier().verify(&token[..cut]).is_err(), "cut at {cut}");
    }
    let long = with(&[("email", json!("a".repeat(5000)))]);
    for garbage in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        " ",
        "null",
        "{}.{}.{}",
        "Bearer x",
        long.as_str(),
    ] {
        assert!(verifier().verify(garbage).is_err(), "{garbage:?}");
    }
}

#[test]
fn refuses_sets_of_other_keys() {
    let key = public_key();
    let changed = |name: &str, value: Value| {
        let mut key = key.clone();
        key[name] = value;
        json!({ "keys": [key] }).to_string()
    };
    assert!(IdentityVerifier::from_jwks(json!({ "keys": [key] }).to_string().as_bytes()).is_ok());
    for document in [
        "not JSON".to_owned(),
        "{}".to_owned(),
        json!({ "keys": [] }).to_string(),
        changed("kid", Value::Null),
        changed("alg", json!("HS256")),
        changed("alg", Value::Null),
        changed("use", json!("enc")),
        changed("x", json!("short")),
        json!({ "keys": [key, { "kty": "oct", "kid": "k", "alg": "HS256", "k": "c2VjcmV0" }] }).to_string(),
    ] {
        assert!(IdentityVerifier::from_jwks(document.as_bytes()).is_err(), "{document}");
    }
    assert!(IdentitySigner::from_pem(b"no key").is_err());
}

async fn answer(path: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
    let router = Router::new()
        .route("/me", get(|identity: Identity| async move { identity.email }))
        .route(
            "/perhaps",
            get(|identity: Option<Identity>| async move { identity.is_some().to_string() }),
        )
        .route("/admin", get(|Admin(identity): Admin| async move { identity.email }))
        .route("/operator", get(|_: Operator| async { "in" }))
        .layer(Extension(Arc::new(verifier())))
        .layer(Extension(Arc::new(OperatorToken::new("the operators' secret"))));
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_caller_comes_from_the_token_and_from_nothing_else() {
    let token = signed(&header(), &claims());
    assert_eq!(
        answer("/me", &[(IDENTITY_HEADER, &token)]).await,
        (StatusCode::OK, "a@b.example".to_owned())
    );
    let forged = [
        ("x-user-id", "1"),
        ("x-user-email", "a@b.example"),
        ("x-user-role", "admin"),
    ];
    for path in ["/me", "/admin", "/operator"] {
        assert_eq!(answer(path, &forged).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(answer("/perhaps", &forged).await.1, "false");
    assert_eq!(answer("/perhaps", &[(IDENTITY_HEADER, &token)]).await.1, "true");
    assert_eq!(
        answer("/perhaps", &[(IDENTITY_HEADER, "garbage")]).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        answer("/perhaps", &[(IDENTITY_HEADER, "")]).await.0,
        StatusCode::UNAUTHORIZED
    );
    let twice = [(IDENTITY_HEADER, token.as_str()), (IDENTITY_HEADER, token.as_str())];
    assert_eq!(answer("/me", &twice).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer("/me", &[("authorization", &format!("Bearer {token}"))]).await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn only_an_admin_is_an_admin() {
    let customer = signed(&header(), &claims());
    assert_eq!(
        answer("/admin", &[(IDENTITY_HEADER, &customer)]).await.0,
        StatusCode::FORBIDDEN
    );
    let forged = [(IDENTITY_HEADER, customer.as_str()), ("x-user-role", "admin")];
    assert_eq!(answer("/admin", &forged).await.0, StatusCode::FORBIDDEN);
    let admin = with(&[("role", json!("admin"))]);
    assert_eq!(answer("/admin", &[(IDENTITY_HEADER, &admin)]).await.0, StatusCode::OK);
    assert_eq!(
        answer("/admin", &[(IDENTITY_HEADER, "garbage")]).await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn an_operator_knows_the_secret() {
    let authorization = AUTHORIZATION.as_str();
    assert_eq!(
        answer("/operator", &[(authorization, "Bearer the operators' secret")])
            .await
            .0,
        StatusCode::OK
    );
    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        "the operators' secret",
        "Bearer the operators' secre",
        "Bearer the operators' secret ",
    ] {
        // A header's value loses the blanks around it on its way, not here.
        assert_eq!(
            answer("/operator", &[(authorization, wrong)]).await.0,
            StatusCode::UNAUTHORIZED,
            "{wrong:?}"
        );
    }
    let twice = [
        (authorization, "Bearer the operators' secret"),
        (authorization, "Bearer x"),
    ];
    assert_eq!(answer("/operator", &twice).await.0, StatusCode::UNAUTHORIZED);
    assert!(!OperatorToken::new("").matches(""), "no secret lets nobody in");
    assert!(!format!("{:?}", OperatorToken::new("the operators' secret")).contains("operators"));
}
