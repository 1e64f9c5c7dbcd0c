//! A TCP proxy that stands on one connection path and can make it misbehave.
//!
//! Each pair of a client process and a server has a [`Link`] of its own, so that one pair can be disturbed while its
//! neighbours are well. The kinds of disturbance are Toxiproxy's, with one-way loss added.

mod relay;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::Interest,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

const CLOSED_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What is wrong with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// Each way takes this much longer.
    Latency(Duration),
    /// What is open is reset, and what is opened is reset at once.
    Cut,
    /// Nothing goes through and nobody is told: open connections stay open, new ones open and stay silent.
    HalfOpen,
    /// What the server says is lost; what the client says arrives.
    AnswersLost,
    /// What the client says is lost; what the server says arrives.
    RequestsLost,
}

/// The way a byte goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

impl Trouble {
    /// Whether bytes on this way disappear.
    pub(crate) fn loses(self, way: Way) -> bool {
        match self {
            Self::HalfOpen => true,
            Self::AnswersLost => way == Way::ToClient,
            Self::RequestsLost => way == Way::ToServer,
            Self::None | Self::Latency(_) | Self::Cut => false,
        }
    }

    pub(crate) fn delay(self) -> Duration {
        match self {
            Self::Latency(delay) => delay,
            _ => Duration::ZERO,
        }
    }
}

/// One client process's way to one server.
#[derive(Debug)]
pub struct Link {
    /// Whose way to what, as in `order-service-1 → postgres`.
    pub name: String,
    /// Where the client connects.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _running: JoinSet<()>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    target: SocketAddr,
    trouble: watch::Sender<Trouble>,
    /// Counts the orders to reset what is open.
    resets: watch::Sender<u64>,
    open: AtomicUsize,
    opened: AtomicU64,
    given_up: AtomicU64,
}

impl Shared {
    /// A client has closed a connection, properly or not.
    pub(crate) fn give_up(&self) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }
}

impl Link {
    /// Opens a link to `target` on the first free port from `first_port` on. Dropping it closes everything.
    pub async fn open(name: impl Into<String>, target: SocketAddr, first_port: u16) -> io::Result<Self> {
        let listener = first_free(first_port).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target,
            trouble: watch::Sender::default(),
            resets: watch::Sender::default(),
            open: AtomicUsize::new(0),
            opened: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
        });
        let mut running = JoinSet::new();
        running.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            name: name.into(),
            address,
            shared,
            _running: running,
        })
    }

    /// Puts the link into this state; [`Trouble::None`] heals it. Connections that have lost bytes are reset at that
    /// moment: a stream with a hole in it is no stream.
    pub fn set(&self, trouble: Trouble) {
        self.shared.trouble.send_replace(trouble);
    }

    /// Resets what is open now (RST, not FIN); returns how many connections that were.
    pub fn reset(&self) -> usize {
        let open = self.open_connections();
        self.shared.resets.send_modify(|count| *count += 1);
        open
    }

    /// Connections that are open now.
    pub fn open_connections(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Connections that a client has opened so far.
    pub fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::Relaxed)
    }

    /// Connections that a client has closed so far, whatever the state of the link.
    pub fn given_up(&self) -> u64 {
        self.shared.given_up.load(Ordering::Relaxed)
    }
}

async fn first_free(first_port: u16) -> io::Result<TcpListener> {
    let mut port = first_port;
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && port < u16::MAX => port += 1,
            outcome => return outcome,
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    shared.opened.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(connection(client, Arc::clone(&shared)));
                }
                // Out of file descriptors, say: the next try may find one.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(client: TcpStream, shared: Arc<Shared>) {
    let _open = Open::new(&shared);
    let mut trouble = shared.trouble.subscribe();
    // A silent network answers no SYN either; what the client sees is a connection on which nothing ever comes.
    while *trouble.borrow_and_update() == Trouble::HalfOpen {
        tokio::select! {
            changed = trouble.changed() => if changed.is_err() {
                return;
            },
            () = closed(&client) => {
                shared.give_up();
                return;
            }
        }
    }
    if *trouble.borrow() == Trouble::Cut {
        return reset(&client);
    }
    match TcpStream::connect(shared.target).await {
        Ok(server) => relay::both_ways(client, server, &shared).await,
        Err(_) => reset(&client),
    }
}

/// Until the other side has closed; what it said before stays unread.
async fn closed(stream: &TcpStream) {
    while stream
        .ready(Interest::READABLE)
        .await
        .is_ok_and(|ready| !ready.is_read_closed())
    {
        // With bytes to read it is ready at once, again and again.
        tokio::time::sleep(CLOSED_POLL_INTERVAL).await;
    }
}

/// Closes with RST when it is dropped.
pub(crate) fn reset(stream: &TcpStream) {
    // Fails only on a socket that is gone already.
    stream.set_zero_linger().ok();
}

struct Open<'a>(&'a AtomicUsize);

impl<'a> Open<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.open.fetch_add(1, Ordering::Relaxed);
        Self(&shared.open)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
