//! HTTP routes: `/` and `/mails/{id}` are web pages, `/api/mails` is JSON, `/livez` is the liveness probe.

use crate::{
    page,
    store::{Mail, Store, Summary},
};
use axum::{
    Router,
    extract::State,
    http::header,
    middleware,
    response::{Html, IntoResponse},
    routing::get,
};
use serde::Deserialize;
use std::{io, sync::Arc};
use web::{
    extract::{Json, Path, Query},
    problem::{self, Problem},
};

const PAGE_MAILS: usize = 200;
const API_MAILS_DEFAULT: usize = 1_000;
const API_MAILS_MAX: usize = 10_000;
/// Forbids scripts and external content, since the text of a mail is untrusted.
const CONTENT_POLICY: (header::HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
);

pub(crate) fn routes(store: Arc<Store>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/mails/{id}", get(show))
        .route("/api/mails", get(list))
        .route("/livez", get(async || "ok"))
        .with_state(store)
        .layer(middleware::from_fn(problem::render))
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    to: Option<String>,
    limit: Option<usize>,
}

async fn index(State(store): State<Arc<Store>>, Query(query): Query<ListQuery>) -> impl IntoResponse {
    let mails = store.list(recipient(&query), PAGE_MAILS);
    ([CONTENT_POLICY], Html(page::index(&mails)))
}

async fn show(State(store): State<Arc<Store>>, Path(id): Path<String>) -> Result<impl IntoResponse, Problem> {
    let mail = read_blocking(move || store.mail(&id))
        .await?
        .ok_or_else(|| Problem::not_found("mail"))?;
    Ok(([CONTENT_POLICY], Html(page::mail(&mail))))
}

async fn list(State(store): State<Arc<Store>>, Query(query): Query<ListQuery>) -> Result<Json<Vec<Mail>>, Problem> {
    let limit = query.limit.unwrap_or(API_MAILS_DEFAULT).min(API_MAILS_MAX);
    let mails = store.list(recipient(&query), limit);
    let read = move || {
        mails
            .into_iter()
            .filter_map(|Summary { id, .. }| store.mail(&id).transpose())
            .collect()
    };
    read_blocking(read).await.map(Json)
}

/// Returns the recipient to filter by. An empty `to` means no filter, as an HTML form sends it.
fn recipient(query: &ListQuery) -> Option<&str> {
    query.to.as_deref().map(str::trim).filter(|to| !to.is_empty())
}

async fn read_blocking<T: Send + 'static>(read: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Problem> {
    let read = tokio::task::spawn_blocking(read).await.map_err(io::Error::other);
    read.and_then(|read| read).map_err(Problem::internal)
}
