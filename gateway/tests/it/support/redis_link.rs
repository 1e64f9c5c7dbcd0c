//! A cable to Redis that can be cut, and one that swallows everything.

use super::redis_url;
use std::net::SocketAddr;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

#[derive(Clone, Copy, PartialEq)]
enum State {
    Whole,
    /// Connections end at once.
    Cut,
    /// Connections are taken and nothing is ever answered, as by a process that is stopped.
    Silent,
}

/// A proxy in front of Redis.
pub(crate) struct RedisLink {
    address: SocketAddr,
    state: watch::Sender<State>,
}

impl RedisLink {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, seen) = watch::channel(State::Whole);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(carry(socket, seen.clone()));
            }
        });
        Self { address, state }
    }

    /// The URL of Redis through this proxy.
    pub(crate) fn url(&self) -> String {
        let (host, behind) = host();
        redis_url().replace(&format!("{host}{behind}"), &format!("{}{behind}", self.address))
    }

    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    pub(crate) fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    pub(crate) fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

async fn carry(mut socket: TcpStream, mut state: watch::Receiver<State>) {
    let now = *state.borrow();
    if now == State::Cut {
        return;
    }
    if now == State::Silent {
        let _changed = state.wait_for(|state| *state != State::Silent).await;
        return;
    }
    let Ok(mut redis) = TcpStream::connect(host().0).await else {
        return;
    };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut socket, &mut redis) => return,
        _ = state.wait_for(|state| *state != State::Whole) => {}
    }
    // Holds the sockets open, unread, for as long as Redis is silent.
    let _changed = state.wait_for(|state| *state != State::Silent).await;
}

/// `host:port` and what follows it in the URL.
fn host() -> (String, String) {
    let url = redis_url();
    let rest = url.strip_prefix("redis://").unwrap();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let end = rest.find('/').unwrap_or(rest.len());
    (rest[..end].to_owned(), rest[end..].to_owned())
}
