//! One request from beginning to end, in the order of `answer`: cheap checks that need no trust come first.

use crate::{
    admission, answer,
    auth::{self, Caller},
    body::{BodyFault, RequestBody},
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
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header, request::Parts};
use kernel::context::Context;
use std::net::IpAddr;

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
    let (parts, body) = request.into_parts();
    let version = parts.version;
    let client_ip = gateway.trusted_proxies.client_ip(peer, &parts.headers);
    let mut body = RequestBody::new(body, &parts.headers);
    let mut response = match answer(gateway, client_ip, context, parts, &mut body, log).await {
        Ok(response) => response,
        Err(error) => charge(gateway, client_ip, error, log).await.into_response(),
    };
    if body.discard() && version < Version::HTTP_2 {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

async fn answer(
    gateway: &Gateway,
    client_ip: IpAddr,
    context: &Context,
    mut parts: Parts,
    body: &mut RequestBody,
    log: &mut RequestLog,
) -> Result<Response, Error> {
    check_shape(gateway, &parts)?;
    let route = match gateway.routes.find(&parts.method, parts.uri.path()) {
        Match::Found(route) => route,
        Match::OtherMethods(allowed) => return wrong_method(&parts.method, &allowed),
        Match::Nothing => return Err(Error::NoRoute),
    };
    log.route = Some(route.path.clone());

    // By the headers as they came: those that `Connection` names are still there.
    let (caller, bucket, verdict) = auth::authenticate(gateway, &parts.headers, client_ip).await?;
    log.user_id = caller.as_ref().map(Caller::user_id);
    limit(gateway, &bucket, verdict, log)?;
    let _share = gateway.requests.take(&bucket).ok_or(Error::TooManyAtOnce)?;
    auth::authorise(route.access, caller.as_ref())?;
    if route.upstream == GATEWAY {
        return docs::answer(&route.path).ok_or(Error::NoRoute);
    }

    prepare(gateway, context, caller.as_ref(), client_ip, &mut parts.headers)?;
    let mut forwarded = Forwarded {
        method: parts.method,
        target: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: parts.headers,
        body: read(gateway, body).await?,
    };
    let upstream = &gateway.upstreams[route.upstream.as_str()];
    let mut response = upstream.forward(&mut forwarded).await?;
    answer::check(route, &mut response)?;
    end_session(gateway, route, caller.as_ref(), response.status()).await;
    Ok(response)
}

/// Takes a token of the address's bucket for a request that was refused before it came to a bucket of its own, so that no refusal
/// is free. The refusal of an address that has none left says so.
async fn charge(gateway: &Gateway, client_ip: IpAddr, error: Error, log: &mut RequestLog) -> Error {
    if log.limit_headers.is_some() {
        return error;
    }
    let bucket = Bucket::address(client_ip);
    let verdict = admission::limit(gateway, &bucket).await;
    limit(gateway, &bucket, verdict, log).err().unwrap_or(error)
}

/// Refuses a request with more than one reading, before any other step.
fn check_shape(gateway: &Gateway, parts: &Parts) -> Result<(), Error> {
    if parts.method == Method::CONNECT {
        // Its target is no path.
        return Err(Error::Method(Method::OPTIONS.to_string()));
    }
    path::check(parts.uri.path(), parts.uri.query())?;
    gateway.hosts.check(parts.version, &parts.uri, &parts.headers)?;
    let mut encodings = parts.headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_plain = encodings
        .next()
        .is_none_or(|one| one.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if !is_plain || encodings.next().is_some() {
        return Err(Error::TransferEncoding);
    }
    Ok(())
}

async fn read(gateway: &Gateway, body: &mut RequestBody) -> Result<Bytes, Error> {
    let bytes = body.read(&gateway.limits).await;
    bytes.map_err(|fault| match fault {
        BodyFault::TooLarge => Error::BodyTooLarge(gateway.limits.body_bytes_max),
        BodyFault::Stalled => Error::BodyStalled,
        BodyFault::Broken => Error::BodyBroken,
    })
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

/// Removes what must not reach a service, and adds the caller's identity and the facts about the request.
fn prepare(
    gateway: &Gateway,
    context: &Context,
    caller: Option<&Caller>,
    client_ip: IpAddr,
    headers: &mut HeaderMap,
) -> Result<(), Error> {
    let (host, trace) = (headers.get(header::HOST).cloned(), Trace::of_request(headers));
    headers::strip_request(headers);
    headers.remove(header::AUTHORIZATION);
    headers.reserve(OWN_HEADERS);
    if let Some(caller) = caller {
        caller.token.identify(caller.role, &gateway.signer, headers)?;
    }
    if let Ok(id) = HeaderValue::from_str(&context.correlation_id) {
        headers.insert(headers::CORRELATION_ID, id);
    }
    if let Ok(address) = HeaderValue::try_from(client_ip.to_string()) {
        headers.insert(headers::FORWARDED_FOR, address);
    }
    headers.insert(headers::FORWARDED_PROTO, HeaderValue::from_static("http"));
    if let Some(host) = host {
        headers.insert(headers::FORWARDED_HOST, host);
    }
    headers::add_via(headers);
    trace.inject(headers);
    Ok(())
}

async fn end_session(gateway: &Gateway, route: &Route, caller: Option<&Caller>, status: StatusCode) {
    if let Some(caller) = caller.filter(|_| route.ends_session && status.is_success()) {
        gateway.sessions.forget(caller.session_id()).await;
    }
}
