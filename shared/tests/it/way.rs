//! A way to a server that a test can make slow or silent.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{copy, copy_bidirectional, sink},
    net::{TcpListener, TcpStream},
    sync::broadcast,
};

pub(crate) struct Way {
    /// The server's, with the way's address in it.
    pub(crate) url: String,
    opens_after_ms: Arc<AtomicU64>,
    hush: broadcast::Sender<()>,
    /// Connections that have fallen silent and are still open.
    silent: Arc<AtomicU64>,
}

impl Way {
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    pub(crate) async fn to(url: &str) -> Self {
        let (credentials, place) = url.rsplit_once('@').unwrap();
        let (address, name) = place.split_once('/').unwrap();
        let target: SocketAddr = address.replace("localhost", "127.0.0.1").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let way = Self {
            url: format!("{credentials}@{}/{name}", listener.local_addr().unwrap()),
            opens_after_ms: Arc::default(),
            hush: broadcast::Sender::new(1),
            silent: Arc::default(),
        };
        let (opens_after_ms, hush, silent) = (
            Arc::clone(&way.opens_after_ms),
            way.hush.clone(),
            Arc::clone(&way.silent),
        );
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let wait = Duration::from_millis(opens_after_ms.load(Ordering::SeqCst));
                tokio::spawn(carry(client, target, wait, hush.subscribe(), Arc::clone(&silent)));
            }
        });
        way
    }

    /// New connections take this long to open.
    pub(crate) fn open_after_ms(&self, wait_ms: u64) {
        self.opens_after_ms.store(wait_ms, Ordering::SeqCst);
    }

    /// What is open stays open and hears nothing more; what is opened later is well.
    pub(crate) fn fall_silent(&self) {
        let open = self.hush.send(()).unwrap();
        self.silent.fetch_add(open as u64, Ordering::SeqCst);
    }

    /// Connections that have fallen silent and that the client has not given up.
    pub(crate) fn silent(&self) -> u64 {
        self.silent.load(Ordering::SeqCst)
    }
}

async fn carry(
    mut client: TcpStream,
    target: SocketAddr,
    wait: Duration,
    mut hushed: broadcast::Receiver<()>,
    silent: Arc<AtomicU64>,
) {
    tokio::time::sleep(wait).await;
    let mut server = TcpStream::connect(target).await.unwrap();
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => return,
        _ = hushed.recv() => {}
    }
    copy(&mut client, &mut sink()).await.ok();
    silent.fetch_sub(1, Ordering::SeqCst);
}
