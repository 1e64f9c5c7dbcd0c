//! The API's documentation: a page for people and an OpenAPI document for programs, both in the binary.

use axum::response::{Html, IntoResponse, Response};
use http::header;

const PAGE: &str = include_str!("docs/page.html");
/// The OpenAPI document; a test compares its paths with the route table.
pub const OPENAPI: &str = include_str!("docs/openapi.json");

/// The page runs its own script, which reads the document from this host, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                           base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The answer of one of the gateway's own routes.
pub fn answer(path: &str) -> Option<Response> {
    match path {
        "/api/docs" => Some(([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(PAGE)).into_response()),
        "/api/openapi.json" => Some(([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()),
        _ => None,
    }
}
