//! Asks a box office for the price of a ticket. The box office fails twice, answers, and then breaks down.
//!
//! ```text
//! cargo run -p http-client --example ticket_price
//! ```

use axum::{Router, http::StatusCode, response::IntoResponse, routing::get};
use http_client::{BreakerState, CallError, ClientConfig, ResilientHttpClient};
use serde_json::{Value, json};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::net::TcpListener;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = start_box_office().await?;
    let client = ResilientHttpClient::new(ClientConfig::new("box-office", url.parse()?));

    // A GET may be repeated, so two failures are two retries and not an error.
    let price: Value = client.get("/tickets/B12").send().await?.json()?;
    println!(
        "B12 costs {}, after {} retries.",
        price["price"],
        client.status().retries.made
    );

    // After five failures in a row the circuit opens, and the next call is refused without being sent.
    let outcome = loop {
        match client.get("/tickets/closed").send().await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    let CallError::Open { retry_after, .. } = outcome else {
        return Err(outcome.into());
    };
    assert_eq!(client.status().state, BreakerState::Open);
    println!("The circuit is open: try again in about {} s.", retry_after.as_secs());
    Ok(())
}

/// Starts the upstream, and returns its base URL.
#[expect(clippy::disallowed_methods, reason = "the upstream lives as long as the example")]
async fn start_box_office() -> Result<String, std::io::Error> {
    let calls = Arc::new(AtomicU32::new(0));
    let router = Router::new()
        .route(
            "/tickets/B12",
            get(async move || price(calls.fetch_add(1, Ordering::Relaxed))),
        )
        .route("/tickets/closed", get(async || StatusCode::BAD_GATEWAY));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, router).await });
    Ok(url)
}

fn price(calls_before: u32) -> impl IntoResponse {
    match calls_before {
        0 | 1 => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
        _ => (
            StatusCode::OK,
            json!({ "seat": "B12", "price": "EUR 80.00" }).to_string(),
        ),
    }
}
