//! HTTP by hand, for what an honest client would not send.

use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// An answer, as far as tests look at it.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 0 if the connection ended without one.
    pub(crate) status: u16,
    pub(crate) text: String,
}

/// Sends bytes and reads until the other side closes.
pub(crate) async fn raw(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    raw_from("127.0.0.1", address, request).await
}

/// The same, from another address of this host.
pub(crate) async fn raw_from(source: &str, address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut stream = connect(source, address).await;
    // A server that refuses early may close before all is sent; its answer counts all the same.
    let _sent = stream.write_all(request.as_ref()).await;
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        bytes.extend_from_slice(&buffer[..count]);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default();
    Answer { status, text }
}

async fn connect(source: &str, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
    socket.connect(address).await.unwrap()
}
