//! The API's documentation: a page for people and an `OpenAPI` document for programs, both in the binary.

use axum::response::{Html, IntoResponse, Response};
use http::header;

const PAGE: &str = include_str!("docs/page.html");
/// The `OpenAPI` document; a test compares its paths with the route table.
pub const OPENAPI: &str = include_str!("docs/openapi.json");

/// The page runs its own script, which reads the document from this host, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                           base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Returns the answer of one of the gateway's own routes.
pub fn answer(path: &str) -> Option<Response> {
    match path {
        "/api/docs" => Some(([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(PAGE)).into_response()),
        "/api/openapi.json" => Some(([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::OPENAPI;
    use crate::routes::{Access, RouteTable};
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn document() -> Value {
        serde_json::from_str(OPENAPI).unwrap()
    }

    fn routes() -> RouteTable {
        include_str!("../routes.toml").parse().unwrap()
    }

    #[test]
    fn the_document_describes_every_route_and_no_other() {
        let document = document();
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(|method| (path.clone(), method.to_uppercase()))
            })
            .collect();
        let table = routes();
        let routed: BTreeSet<(String, String)> = table
            .routes()
            .iter()
            .flat_map(|route| route.methods.iter().map(|method| (route.path.clone(), method.clone())))
            .collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn the_document_states_the_access_of_each_route() {
        let document = document();
        for route in routes().routes() {
            for method in &route.methods {
                let operation = &document["paths"][&route.path][method.to_lowercase()];
                let is_open = operation["security"] == serde_json::json!([]);
                assert_eq!(is_open, route.access == Access::Public, "{method} {}", route.path);
                let can_forbid = operation["responses"]["403"].is_object();
                assert!(can_forbid || route.access != Access::Admin, "{method} {}", route.path);
            }
        }
    }

    #[test]
    fn each_reference_has_a_target() {
        let document = document();
        for reference in OPENAPI.split("\"$ref\": \"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
