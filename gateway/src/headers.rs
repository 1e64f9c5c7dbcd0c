//! Headers that must not pass between a client and a service: a forged identity, and those of one connection only.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_client::strip_hop_by_hop;

/// Headers with which a client could pass for the gateway. Compared after `_` became `-`: some servers treat
/// `x_user_id` as `x-user-id`.
const SPOOFABLE: [&str; 12] = [
    "x-identity",
    "x-correlation-id",
    "traceparent",
    // Another format of the same facts, beside the one that is set here.
    "b3",
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

const SPOOFABLE_PREFIXES: [&str; 5] = ["x-user-", "x-internal-", "x-forwarded-", "x-auth-", "x-b3-"];

/// Names of the gateway's own headers, so that they are not parsed for each request.
pub const IDENTITY: HeaderName = HeaderName::from_static(web::identity::IDENTITY_HEADER);
pub const USER_ID: HeaderName = HeaderName::from_static("x-user-id");
pub const USER_EMAIL: HeaderName = HeaderName::from_static("x-user-email");
pub const USER_ROLE: HeaderName = HeaderName::from_static("x-user-role");
pub const CORRELATION_ID: HeaderName = HeaderName::from_static(kernel::context::CORRELATION_HEADER);
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub const TRACEPARENT: HeaderName = HeaderName::from_static(kernel::context::TRACEPARENT_HEADER);
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
pub const LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Removes from a request the headers that the gateway sets itself, and those that must not reach a service.
///
/// The gateway's own headers are added after this, so naming them in `Connection` removes none of them
/// (CVE-2021-32813, CVE-2024-45410 were that order wrong).
pub fn strip_request(headers: &mut HeaderMap) {
    let doomed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_forbidden(name.as_str()))
        .cloned()
        .collect();
    for name in doomed {
        // `remove` removes all values of the name, duplicates included.
        headers.remove(name);
    }
    strip_hop_by_hop(headers);
    headers.remove(header::HOST);
    // The server has answered it already (100 Continue).
    headers.remove(header::EXPECT);
}

/// Names this gateway among the intermediaries of a message (RFC 9110 §7.6.3).
pub fn add_via(headers: &mut HeaderMap) {
    headers.append(header::VIA, HeaderValue::from_static("1.1 gateway"));
}

/// Removes from a response the headers of the connection to the service, and those that reveal its internals.
pub fn strip_response(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    let doomed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            is_forbidden(name.as_str()) || [header::SERVER.as_str(), "x-powered-by"].contains(&name.as_str())
        })
        .cloned()
        .collect();
    for name in doomed {
        headers.remove(name);
    }
}

fn is_forbidden(name: &str) -> bool {
    // No header of the platform has a `_`, and a service may read it as `-`.
    name.contains('_') || SPOOFABLE.contains(&name) || SPOOFABLE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn identity_and_forwarding_headers_of_a_client_are_removed() {
        let mut headers = map(&[
            ("X-User-Id", "1"),
            ("x_user_id", "1"),
            ("X-User-Role", "admin"),
            ("X-User-Role", ""),
            ("x-identity", "t"),
            ("x_identity", "t"),
            ("X-Internal-Secret", "s"),
            ("X-Forwarded-For", "1.2.3.4"),
            ("Forwarded", "for=1.2.3.4"),
            ("X-HTTP-Method-Override", "DELETE"),
            ("accept", "text/html"),
        ]);
        strip_request(&mut headers);
        assert_eq!(headers, map(&[("accept", "text/html")]));
    }

    #[test]
    fn hop_by_hop_headers_and_those_named_by_connection_are_removed() {
        let mut headers = map(&[
            ("connection", "close, X-One"),
            ("connection", "x-two"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("keep-alive", "5"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("transfer-encoding", "chunked"),
            ("host", "x"),
            ("x-three", "3"),
        ]);
        strip_request(&mut headers);
        assert_eq!(headers, map(&[("x-three", "3")]));
    }

    #[test]
    fn a_response_reveals_no_internals() {
        let mut headers = map(&[
            ("x-powered-by", "x"),
            ("server", "y"),
            ("x-identity", "z"),
            ("etag", "\"1\""),
        ]);
        strip_response(&mut headers);
        assert_eq!(headers, map(&[("etag", "\"1\"")]));
    }
}
