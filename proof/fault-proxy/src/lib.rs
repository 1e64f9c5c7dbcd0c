//! A TCP proxy that makes one connection path misbehave: latency, cuts, resets, black holes, one-way loss.
//!
//! A [`Link`] stands between one client and one server. Tests and the chaos harness give each such pair a link of its
//! own, so that one path fails while its neighbours work.
//!
//! It is written by hand for want of a tool that does this: Toxiproxy is a Go server beside the tests and has no
//! half-open link (its `timeout` toxic closes the connection in the end, and a new connection is never silent), and
//! noxious, its port to Rust, has had no release since 2021. What is needed fits into a few hundred lines of tokio.

mod fault;
mod relay;
mod state;

pub use fault::LinkFault;

use state::{LinkState, OpenGuard, reset};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream, lookup_host},
    task::JoinSet,
    time::sleep,
};

const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The path from one client to one server. Dropping it closes every connection.
#[derive(Debug)]
pub struct Link {
    /// Client and server, as in `order-service-1 → postgres`.
    pub name: String,
    /// The address for the client to connect to.
    pub address: SocketAddr,
    state: Arc<LinkState>,
    _running: JoinSet<()>,
}

impl Link {
    /// Opens a link to `server` on the first free port from `first_port` on; 0 leaves the choice to the system.
    pub async fn open(name: impl Into<String>, server: SocketAddr, first_port: u16) -> io::Result<Self> {
        let listener = first_free(first_port).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(LinkState::new(server));
        let mut running = JoinSet::new();
        running.spawn(accept(listener, Arc::clone(&state)));
        Ok(Self {
            name: name.into(),
            address,
            state,
            _running: running,
        })
    }

    /// Opens a link to the server of a URL such as `amqp://user:password@localhost:5672/vhost`, and returns it with the
    /// same URL through the link.
    pub async fn in_front_of(url: &str) -> io::Result<(Self, String)> {
        let (server, before, after) = split(url).ok_or_else(|| invalid("the URL has no host:port"))?;
        // The link speaks IPv4, and so do the servers of tests.
        let found = lookup_host(server).await?.find(SocketAddr::is_ipv4);
        let target = found.ok_or_else(|| invalid("the host has no IPv4 address"))?;
        let link = Self::open(server, target, 0).await?;
        let through = format!("{before}{}{after}", link.address);
        Ok((link, through))
    }

    /// Puts the link into this state. Connections that have lost bytes are reset as soon as it stops dropping them.
    pub fn set(&self, fault: LinkFault) {
        self.state.fault.send_replace(fault);
    }

    /// Resets the open connections (RST, not FIN); returns their number.
    pub fn reset(&self) -> usize {
        let open = self.open_connections();
        self.state.resets.send_modify(|count| *count += 1);
        open
    }

    /// Turns the open connections into half-open ones for good, whatever the link's state becomes; new ones work. Returns
    /// their number.
    pub fn silence_open(&self) -> usize {
        let silenced = self.state.silence.send(()).unwrap_or_default();
        self.state.silent.fetch_add(silenced, Ordering::Relaxed);
        silenced
    }

    /// Silenced connections that the client has not given up yet.
    pub fn silent_connections(&self) -> usize {
        self.state.silent.load(Ordering::Relaxed)
    }

    /// Connections that are open now.
    pub fn open_connections(&self) -> usize {
        self.state.open.load(Ordering::Relaxed)
    }

    /// Connections that a client has opened so far.
    pub fn opened(&self) -> u64 {
        self.state.opened.load(Ordering::Relaxed)
    }

    /// Connections that a client has closed so far, whatever the state of the link.
    pub fn given_up(&self) -> u64 {
        self.state.given_up.load(Ordering::Relaxed)
    }
}

/// `host:port`, and the URL before and after it.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let authority = url.find("://")? + 3;
    let end = url[authority..]
        .find('/')
        .map_or(url.len(), |length| authority + length);
    let start = url[authority..end]
        .rfind('@')
        .map_or(authority, |at| authority + at + 1);
    let server = &url[start..end];
    server.contains(':').then_some((server, &url[..start], &url[end..]))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
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

async fn accept(listener: TcpListener, state: Arc<LinkState>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    state.opened.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(connection(client, Arc::clone(&state)));
                }
                // Out of file descriptors, say: the next try may find one.
                Err(_) => sleep(ACCEPT_RETRY_DELAY).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(client: TcpStream, state: Arc<LinkState>) {
    let _open = OpenGuard::new(&state.open);
    let mut fault = state.fault.subscribe();
    // A black hole answers no SYN either; the closest that a proxy comes to it is a connection on which nothing arrives.
    while *fault.borrow_and_update() == LinkFault::HalfOpen {
        tokio::select! {
            changed = fault.changed() => if changed.is_err() {
                return;
            },
            () = relay::closed(&client) => {
                state.give_up();
                return;
            }
        }
    }
    let now = *fault.borrow();
    match now {
        LinkFault::Cut => return reset(&client),
        LinkFault::SlowConnect(delay) => sleep(delay).await,
        _ => {}
    }
    match TcpStream::connect(state.server).await {
        Ok(server) => relay::both_ways(client, server, &state).await,
        Err(_) => reset(&client),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_url_is_split_around_its_server() {
        let database = split("postgres://user:pass@localhost:5432/seats");
        assert_eq!(database, Some(("localhost:5432", "postgres://user:pass@", "/seats")));
        assert_eq!(
            split("redis://127.0.0.1:6379"),
            Some(("127.0.0.1:6379", "redis://", ""))
        );
        assert_eq!(split("redis://localhost"), None);
    }
}
