//! Settings that are missing or wrong.

use crate::test_app::{PASSWORD, SIGNING_KEY};
use runtime::arguments::from_variables;
use std::collections::BTreeMap;
use user_service::config::Config;

const EMAIL: &str = "admin@example.com";

/// Returns the error of a configuration that is valid apart from these variables; empty if there is none.
fn error_with(variables: &[(&'static str, &'static str)]) -> String {
    let mut all = BTreeMap::from([
        ("REDIS_URL", "redis://127.0.0.1"),
        ("TOKEN_SIGNING_KEY_FILE", SIGNING_KEY),
    ]);
    all.extend(variables.iter().copied());
    let all: Vec<_> = all.into_iter().collect();
    from_variables::<Config>(&all).err().unwrap_or_default()
}

#[test]
fn an_error_names_the_variable_that_is_missing_or_wrong() {
    assert_eq!(error_with(&[]), "");
    let not_a_key = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let wrong = [
        (vec![("REDIS_URL", "")], "REDIS_URL is not set"),
        (vec![("REDIS_URL", "http://x")], "REDIS_URL has the unusable value"),
        (
            vec![("TOKEN_SIGNING_KEY_FILE", "/nowhere/key.pem")],
            "TOKEN_SIGNING_KEY_FILE has the unusable value `…`: the file /nowhere/key.pem cannot be read",
        ),
        (
            vec![("TOKEN_SIGNING_KEY_FILE", not_a_key)],
            "TOKEN_SIGNING_KEY_FILE has the unusable value",
        ),
        (
            vec![("ACCESS_TOKEN_TTL_S", "0")],
            "ACCESS_TOKEN_TTL_S has the unusable value",
        ),
        (
            vec![("REFRESH_TOKEN_TTL_S", "0")],
            "REFRESH_TOKEN_TTL_S has the unusable value",
        ),
        (vec![("ADMIN_EMAIL", EMAIL)], "ADMIN_PASSWORD is not set"),
        (vec![("ADMIN_PASSWORD", PASSWORD)], "ADMIN_EMAIL is not set"),
        (
            vec![("ADMIN_EMAIL", "root"), ("ADMIN_PASSWORD", PASSWORD)],
            "ADMIN_EMAIL has the unusable value `root`",
        ),
        (
            vec![("ADMIN_EMAIL", EMAIL), ("ADMIN_PASSWORD", "short")],
            "ADMIN_PASSWORD has the unusable value `…`",
        ),
    ];
    for (variables, expected) in wrong {
        let error = error_with(&variables);
        assert!(error.contains(expected), "{variables:?}: {error}");
    }
}
