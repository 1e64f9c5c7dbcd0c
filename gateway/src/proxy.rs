//! One request from beginning to end, in the order of `answer`: cheap checks that need no trust come first.

use crate::{
    auth::{self, Caller},
    body::{self, BodyFault, RequestBody},
    docs,
    error::Error,
    headers,
    limiter::{Bucket, Verdict},
    path,
    request_log::RequestLog,
    routes::{GATEWAY, Match, Route},
    state::Gateway,
    trace::Trace,
    upstream::Forwarded,
};
use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use kernel::context::Context;
use std::net::IpAddr;

/// The methods of resources. CONNECT and TRACE are for other kinds of server.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Headers that a request gets here: so many that its map would grow twice.
const OWN_HEADERS: usize = 12;

/// Answers one request.
pub async fn forward_request(
    gateway: &Gateway,
    peer: IpAddr,
    context: &Context,
    request: Request,
    log: &mut RequestLog,
) -> Response {
    let answer = answer(gateway, peer, context, request, log).await;
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(
    gateway: &Gateway,
    peer: IpAddr,
    context: &Context,
    request: Request,
    log: &mut RequestLog,
) -> Result<Response, Error> {
    let (mut parts, body) = request.into_parts();
    check_shape(&parts)?;
    let received = ReceivedRequest::of(gateway, peer, &parts);
    headers::strip_request(&mut parts.headers);

    let route = match gateway.routes.find(&parts.method, parts.uri.path()) {
        Match::Found(route) => route,
        Match::OtherMethods(allowed) => return wrong_method(&parts.method, &allowed),
        Match::Nothing => return Err(Error::NoRoute),
    };
    log.route = Some(route.path.clone());

    let (caller, bucket, verdict) = auth::authenticate(gateway, &parts.headers, received.client_ip).await?;
    log.user_id = caller.as_ref().map(Caller::user_id);
    limit(gateway, &bucket, verdict, log)?;
    auth::authorise(route.access, caller.as_ref())?;
    if route.upstream == GATEWAY {
        return docs::answer(&route.path).ok_or(Error::NoRoute);
    }

    let bytes_max = gateway.limits.body_bytes_max;
    if body::announces_too_much(&parts.headers, bytes_max) {
        return Err(Error::BodyTooLarge(bytes_max));
    }
    inject(gateway, context, caller.as_ref(), received, &mut parts.headers)?;
    let mut forwarded = Forwarded {
        method: parts.method,
        target: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: parts.headers,
        body: RequestBody::new(body, bytes_max, gateway.limits.body_idle_timeout()),
    };
    let response = forward(gateway, route, &mut forwarded).await?;
    end_session(gateway, route, caller.as_ref(), response.status()).await;
    Ok(response)
}

/// The facts about a request that are read before its headers are stripped.
struct ReceivedRequest {
    client_ip: IpAddr,
    host: Option<http::HeaderValue>,
    trace: Trace,
}

impl ReceivedRequest {
    fn of(gateway: &Gateway, peer: IpAddr, parts: &Parts) -> Self {
        Self {
            client_ip: gateway.trusted_proxies.client_ip(peer, &parts.headers),
            host: parts.headers.get(header::HOST).cloned(),
            trace: Trace::of_request(&parts.headers),
        }
    }
}

/// Refuses a request with more than one reading, before any other step.
fn check_shape(parts: &Parts) -> Result<(), Error> {
    if !METHODS.contains(&parts.method) {
        return Err(Error::Method(METHODS.map(|method| method.to_string()).join(", ")));
    }
    path::check(parts.uri.path(), parts.uri.query())?;
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let is_missing = host.is_none() && parts.version >= http::Version::HTTP_11;
    // A target in absolute form must name the same host as `Host`.
    let is_other = parts
        .uri
        .authority()
        .is_some_and(|named| host.is_none_or(|host| host != named.as_str()));
    if is_missing || is_other || second.is_some() {
        Err(Error::Host)
    } else {
        Ok(())
    }
}

fn wrong_method(method: &Method, allowed: &[&str]) -> Result<Response, Error> {
    let allow = [allowed, &["OPTIONS"]].concat().join(", ");
    if method == Method::OPTIONS {
        // No other origin is allowed, so there are no CORS headers to send.
        return Ok((StatusCode::NO_CONTENT, [(header::ALLOW, allow)]).into_response());
    }
    Err(Error::Method(allow))
}

fn limit(gateway: &Gateway, bucket: &Bucket, verdict: Verdict, log: &mut RequestLog) -> Result<(), Error> {
    log.limit_headers = Some(gateway.limiter.describe(bucket, verdict));
    if verdict.is_refusal() {
        Err(Error::RateLimited {
            retry_after_s: verdict.retry_after_s(),
        })
    } else {
        Ok(())
    }
}

/// Injects the caller's identity and the facts about the request.
fn inject(
    gateway: &Gateway,
    context: &Context,
    caller: Option<&Caller>,
    received: ReceivedRequest,
    headers: &mut HeaderMap,
) -> Result<(), Error> {
    headers.remove(header::AUTHORIZATION);
    headers.reserve(OWN_HEADERS);
    if let Some(caller) = caller {
        caller.token.identify(caller.role, &gateway.signer, headers)?;
    }
    if let Ok(id) = HeaderValue::from_str(&context.correlation_id) {
        headers.insert(headers::CORRELATION_ID, id);
    }
    if let Ok(address) = HeaderValue::try_from(received.client_ip.to_string()) {
        headers.insert(headers::FORWARDED_FOR, address);
    }
    headers.insert(headers::FORWARDED_PROTO, HeaderValue::from_static("http"));
    if let Some(host) = received.host {
        headers.insert(headers::FORWARDED_HOST, host);
    }
    received.trace.inject(headers);
    Ok(())
}

async fn forward(gateway: &Gateway, route: &Route, request: &mut Forwarded) -> Result<Response, Error> {
    let upstream = &gateway.upstreams[route.upstream.as_str()];
    let mut response = upstream.forward(request).await.map_err(|fault| {
        // The client's own body may be the cause.
        match request.body.as_ref().and_then(RequestBody::fault) {
            Some(BodyFault::TooLarge) => Error::BodyTooLarge(gateway.limits.body_bytes_max),
            Some(BodyFault::Stalled) => Error::BodyStalled,
            Some(BodyFault::Broken) => Error::BodyBroken,
            None => fault.into(),
        }
    })?;
    headers::strip_response(response.headers_mut());
    Ok(response)
}

async fn end_session(gateway: &Gateway, route: &Route, caller: Option<&Caller>, status: StatusCode) {
    if let Some(caller) = caller.filter(|_| route.ends_session && status.is_success()) {
        gateway.sessions.forget(caller.session_id()).await;
    }
}
