//! The state that a link's connections share.

use crate::fault::LinkFault;
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};
use tokio::{
    net::TcpStream,
    sync::{broadcast, watch},
};

#[derive(Debug)]
pub(crate) struct LinkState {
    pub(crate) server: SocketAddr,
    pub(crate) fault: watch::Sender<LinkFault>,
    /// Counts up with each request to reset what is open.
    pub(crate) resets: watch::Sender<u64>,
    /// Each connection that can still be silenced holds one receiver.
    pub(crate) silence: broadcast::Sender<()>,
    pub(crate) silent: AtomicUsize,
    pub(crate) open: AtomicUsize,
    pub(crate) opened: AtomicU64,
    pub(crate) given_up: AtomicU64,
}

impl LinkState {
    pub(crate) fn new(server: SocketAddr) -> Self {
        Self {
            server,
            fault: watch::Sender::default(),
            resets: watch::Sender::default(),
            silence: broadcast::Sender::new(1),
            silent: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            opened: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
        }
    }

    /// Counts a connection that its client has closed, properly or not.
    pub(crate) fn give_up(&self) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts a connection as open until it is dropped.
pub(crate) struct OpenGuard<'a>(&'a AtomicUsize);

impl<'a> OpenGuard<'a> {
    pub(crate) fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for OpenGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes the stream close with RST instead of FIN when it is dropped.
pub(crate) fn reset(stream: &TcpStream) {
    // Fails only on a socket that is gone already.
    stream.set_zero_linger().ok();
}
