//! One request from beginning to end, in the order of `answer`: what is cheap and needs no trust comes first.

use crate::{
    Gateway,
    auth::{self, Caller},
    body::{self, BodyFault, RequestBody},
    docs,
    error::Error,
    headers,
    limiter::Bucket,
    path,
    routes::{GATEWAY, Match, Route},
    trace::Trace,
    upstream::Forwarded,
};
use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use shared::context::Context;
use std::{net::SocketAddr, sync::Arc};
use uuid::Uuid;

/// The other end of the connection; put into each request's extensions by the server.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// What became known about a request on its way, for the access log and the answer's headers. It travels in the
/// response's extensions.
#[derive(Debug, Clone, Default)]
pub struct Journey {
    /// The pattern of its route.
    pub route: Option<String>,
    /// Who asked.
    pub user_id: Option<Uuid>,
    /// `RateLimit` headers.
    pub limit_headers: HeaderMap,
}

/// Methods that any resource could have. CONNECT and TRACE are for other kinds of server.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Answers one request.
pub async fn handle(State(gateway): State<Arc<Gateway>>, context: Context, request: Request) -> Response {
    let mut journey = Journey::default();
    let answer = answer(&gateway, &context, request, &mut journey).await;
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    response.extensions_mut().insert(journey);
    response
}

async fn answer(
    gateway: &Gateway,
    context: &Context,
    request: Request,
    journey: &mut Journey,
) -> Result<Response, Error> {
    let (mut parts, body) = request.into_parts();
    check_shape(&parts)?;
    let arrival = Arrival::of(gateway, &parts);
    headers::strip_request(&mut parts.headers);

    let route = match gateway.routes.find(&parts.method, parts.uri.path()) {
        Match::Found(route) => route,
        Match::OtherMethods(allowed) => return wrong_method(&parts.method, &allowed),
        Match::Nothing => return Err(Error::NoRoute),
    };
    journey.route = Some(route.path.clone());

    let caller = auth::authenticate(&parts.headers, &gateway.keys, &gateway.sessions).await?;
    journey.user_id = caller.as_ref().map(|caller| caller.user_id);
    limit(gateway, caller.as_ref(), &arrival, journey).await?;
    auth::authorise(route.who, caller.as_ref())?;
    if route.upstream == GATEWAY {
        return docs::answer(&route.path).ok_or(Error::NoRoute);
    }

    let bytes_max = gateway.limits.body_bytes_max;
    if body::announces_too_much(&parts.headers, bytes_max) {
        return Err(Error::BodyTooLarge(bytes_max));
    }
    inject(gateway, context, caller.as_ref(), arrival, &mut parts.headers)?;
    let forwarded = Forwarded {
        method: parts.method,
        target: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: parts.headers,
        body: RequestBody::new(body, bytes_max, gateway.limits.body_idle_timeout),
    };
    let response = forward(gateway, route, forwarded).await?;
    end_session(gateway, route, caller.as_ref(), response.status()).await;
    Ok(response)
}

/// What is noted about a request before its headers are stripped.
struct Arrival {
    client_ip: std::net::IpAddr,
    host: Option<http::HeaderValue>,
    trace: Trace,
}

impl Arrival {
    fn of(gateway: &Gateway, parts: &Parts) -> Self {
        let Peer(peer) = *parts
            .extensions
            .get()
            .expect("the server notes the peer of each request");
        Self {
            client_ip: gateway.trusted_proxies.client_ip(peer.ip(), &parts.headers),
            host: parts.headers.get(header::HOST).cloned(),
            trace: Trace::of_request(&parts.headers),
        }
    }
}

/// Refuses what could be understood in two ways, before anything else is done with it.
fn check_shape(parts: &Parts) -> Result<(), Error> {
    if !METHODS.contains(&parts.method) {
        return Err(Error::Method(METHODS.map(|method| method.to_string()).join(", ")));
    }
    path::check(parts.uri.path(), parts.uri.query())?;
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let is_missing = host.is_none() && parts.version >= http::Version::HTTP_11;
    // A target in absolute form must not name another host than `Host` does.
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
        // No origin but our own is allowed, so there are no CORS headers to send.
        return Ok((StatusCode::NO_CONTENT, [(header::ALLOW, allow)]).into_response());
    }
    Err(Error::Method(allow))
}

async fn limit(
    gateway: &Gateway,
    caller: Option<&Caller>,
    arrival: &Arrival,
    journey: &mut Journey,
) -> Result<(), Error> {
    let bucket = caller.map_or(Bucket::Address(arrival.client_ip), |caller| {
        Bucket::User(caller.user_id)
    });
    let verdict = gateway.limiter.take(&bucket).await;
    gateway.limiter.describe(&bucket, verdict, &mut journey.limit_headers);
    if verdict.is_refusal() {
        Err(Error::RateLimited {
            retry_after_s: verdict.retry_after_s(),
        })
    } else {
        Ok(())
    }
}

/// Says who asks and on whose behalf. `X-Identity` is what services believe; the plain headers are for people and logs.
fn inject(
    gateway: &Gateway,
    context: &Context,
    caller: Option<&Caller>,
    arrival: Arrival,
    headers: &mut HeaderMap,
) -> Result<(), Error> {
    headers.remove(header::AUTHORIZATION);
    if let Some(caller) = caller {
        let identity = gateway.signer.sign(caller.user_id, &caller.email, caller.role)?;
        headers::put(headers, "x-identity", &identity);
        headers::put(headers, "x-user-id", &caller.user_id.to_string());
        headers::put(headers, "x-user-email", &caller.email);
        headers::put(headers, "x-user-role", caller.role_name());
    }
    headers::put(headers, "x-correlation-id", &context.correlation_id);
    headers::put(headers, "x-forwarded-for", &arrival.client_ip.to_string());
    headers::put(headers, "x-forwarded-proto", "http");
    if let Some(host) = arrival.host {
        headers.insert("x-forwarded-host", host);
    }
    arrival.trace.inject(headers);
    Ok(())
}

async fn forward(gateway: &Gateway, route: &Route, request: Forwarded) -> Result<Response, Error> {
    let upstream = &gateway.upstreams[route.upstream.as_str()];
    let mut response = upstream.forward(&request).await.map_err(|fault| {
        // When the client's own body was the trouble, it is told so.
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
        gateway.sessions.forget(&caller.session_id).await;
    }
}
