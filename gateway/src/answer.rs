//! The answer of a service, and what of it may pass to a client.

use crate::{
    headers,
    routes::{Passes, Route},
};
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};

/// Longest `Retry-After` that is passed on, in seconds.
const RETRY_AFTER_S_MAX: u32 = 24 * 60 * 60;

const CORS_HEADERS: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

/// The answer of a service as a whole is none that may pass.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the service answered {0}, which may not pass to a client")]
pub struct Unusable(StatusCode);

/// Removes from an answer what the route does not say that it passes. Fails if the answer itself may not pass: a redirect would
/// show an inner address, and nothing here can switch protocols.
pub fn check(route: &Route, response: &mut Response) -> Result<(), Unusable> {
    headers::strip_response(response.headers_mut());
    let passes = |what| route.passes.contains(&what);
    let status = response.status();
    let is_redirect = status.is_redirection() && status != StatusCode::NOT_MODIFIED;
    if status.is_informational() || is_redirect && !passes(Passes::Redirects) {
        return Err(Unusable(status));
    }
    let headers = response.headers_mut();
    if !passes(Passes::Redirects) && !is_within(headers.get(header::LOCATION)) {
        headers.remove(header::LOCATION);
    }
    if !passes(Passes::Cookies) {
        headers.remove(header::SET_COOKIE);
    }
    if !passes(Passes::Cors) {
        for name in CORS_HEADERS {
            headers.remove(name);
        }
    }
    if !is_wait(headers.get(header::RETRY_AFTER)) {
        headers.remove(header::RETRY_AFTER);
    }
    headers::add_via(headers);
    Ok(())
}

/// Returns true for a path of this API.
fn is_within(location: Option<&HeaderValue>) -> bool {
    location.is_none_or(|location| {
        let path = location.as_bytes();
        path.starts_with(b"/") && !path.starts_with(b"//")
    })
}

fn is_wait(retry_after: Option<&HeaderValue>) -> bool {
    let seconds = |value: &HeaderValue| value.to_str().ok()?.parse::<u32>().ok();
    retry_after.is_none_or(|value| seconds(value).is_some_and(|seconds| seconds <= RETRY_AFTER_S_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::RouteTable;
    use axum::body::Body;
    use http::HeaderMap;

    fn route(passes: &str) -> Route {
        let table: RouteTable = format!(
            "[[route]]\npath = \"/api/x\"\nmethods = [\"GET\"]\nupstream = \"x-service\"\naccess = \"public\"\npasses = [{passes}]"
        )
        .parse()
        .unwrap();
        table.routes()[0].clone()
    }

    fn checked(passes: &str, status: u16, headers: &[(&'static str, &'static str)]) -> Option<HeaderMap> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            response.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        check(&route(passes), &mut response).ok()?;
        response.headers_mut().remove(header::VIA);
        Some(std::mem::take(response.headers_mut()))
    }

    #[test]
    fn redirects_pass_only_where_the_route_says_so() {
        let inner = [("location", "http://127.0.0.1:4006/internal/status")];
        assert_eq!(checked("", 302, &inner), None);
        assert_eq!(checked("\"redirects\"", 302, &inner).unwrap().len(), 1);
        assert!(checked("", 201, &inner).unwrap().is_empty());
        assert_eq!(checked("", 201, &[("location", "/api/orders/1")]).unwrap().len(), 1);
        assert!(checked("", 304, &[]).is_some());
        assert_eq!(checked("", 101, &[]), None);
    }

    #[test]
    fn cookies_and_cors_headers_pass_only_where_the_route_says_so() {
        let headers = [("set-cookie", "a=1"), ("access-control-allow-origin", "*")];
        assert!(checked("", 200, &headers).unwrap().is_empty());
        assert_eq!(checked("\"cookies\", \"cors\"", 200, &headers).unwrap().len(), 2);
    }

    #[test]
    fn a_wait_that_no_client_can_follow_does_not_pass() {
        for wrong in ["soon", "-1", "999999"] {
            assert!(
                checked("", 503, &[("retry-after", wrong)]).unwrap().is_empty(),
                "{wrong}"
            );
        }
        assert_eq!(checked("", 503, &[("retry-after", "5")]).unwrap().len(), 1);
    }
}
