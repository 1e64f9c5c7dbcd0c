//! The upstream: one small answer for every path, and user-service's keys for the gateway.

use super::users;
use crate::report::Outcome;
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Bytes of the body, about those of one order.
const BODY_BYTES: usize = 600;

/// Starts it on a free port. It ends with the process.
#[expect(clippy::disallowed_methods, reason = "the upstream runs beside the measurement")]
pub(crate) async fn start() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind(free_port()?).await?;
    let address = listener.local_addr()?;
    let (keys, order) = (
        json(&users::key_set()?),
        json(&format!("\"{}\"", "x".repeat(BODY_BYTES - 2))),
    );
    let answers = Arc::new((keys, order));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answers = Arc::clone(&answers);
            tokio::spawn(async move { serve(stream, &answers).await });
        }
    });
    Ok(address)
}

/// Returns an address below the ports that the kernel gives to clients.
pub(crate) fn free_port() -> Outcome<SocketAddr> {
    let from = 20_000 + u16::try_from(std::process::id() % 10_000)?;
    let is_free = |address: &SocketAddr| std::net::TcpListener::bind(address).is_ok();
    let mut addresses = (from..32_768).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    addresses.find(is_free).ok_or_else(|| "no port is free".into())
}

async fn serve(mut stream: TcpStream, (keys, order): &(String, String)) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut filled) = (vec![0; 16 * 1024], 0);
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            let is_for_keys = buffer.starts_with(b"GET /.well-known/");
            stream
                .write_all(if is_for_keys { keys } else { order }.as_bytes())
                .await?;
            filled = 0;
        }
    }
}

fn json(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
