//! A TCP proxy that a test can make slow or silent.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::broadcast,
};

pub(crate) struct TcpProxy {
    /// The server's URL, with the proxy's address in it.
    pub(crate) url: String,
    delays: Arc<Delays>,
    silence: broadcast::Sender<()>,
    /// Number of silent connections that are still open.
    silent: Arc<AtomicU64>,
}

#[derive(Default)]
struct Delays {
    opens_after_ms: AtomicU64,
    answers_after_ms: AtomicU64,
}

impl TcpProxy {
    #[expect(clippy::disallowed_methods, reason = "the task ends with the test's runtime")]
    pub(crate) async fn to(url: &str) -> Self {
        let (credentials, server) = url.rsplit_once('@').unwrap();
        let (address, name) = server.split_once('/').unwrap();
        let target: SocketAddr = address.replace("localhost", "127.0.0.1").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            url: format!("{credentials}@{}/{name}", listener.local_addr().unwrap()),
            delays: Arc::default(),
            silence: broadcast::Sender::new(1),
            silent: Arc::default(),
        };
        let (delays, silence, silent) = (
            Arc::clone(&proxy.delays),
            proxy.silence.clone(),
            Arc::clone(&proxy.silent),
        );
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (delays, silent) = (Arc::clone(&delays), Arc::clone(&silent));
                tokio::spawn(carry(client, target, delays, silence.subscribe(), silent));
            }
        });
        proxy
    }

    /// Delays new connections.
    pub(crate) fn open_after_ms(&self, wait_ms: u64) {
        self.delays.opens_after_ms.store(wait_ms, Ordering::SeqCst);
    }

    /// Delays each piece of an answer from now on.
    pub(crate) fn answer_after_ms(&self, wait_ms: u64) {
        self.delays.answers_after_ms.store(wait_ms, Ordering::SeqCst);
    }

    /// Leaves open connections open and passes nothing more on them; later connections work.
    pub(crate) fn fall_silent(&self) {
        let open = self.silence.send(()).unwrap();
        self.silent.fetch_add(open as u64, Ordering::SeqCst);
    }

    /// Returns the number of silent connections that the client has not dropped.
    pub(crate) fn silent(&self) -> u64 {
        self.silent.load(Ordering::SeqCst)
    }
}

async fn carry(
    mut client: TcpStream,
    target: SocketAddr,
    delays: Arc<Delays>,
    mut silenced: broadcast::Receiver<()>,
    silent: Arc<AtomicU64>,
) {
    pause(&delays.opens_after_ms).await;
    let mut server = TcpStream::connect(target).await.unwrap();
    let (mut asking, mut hearing) = client.split();
    let (mut answering, mut asked) = server.split();
    tokio::select! {
        _ = copy(&mut asking, &mut asked) => return,
        () = answer(&mut answering, &mut hearing, &delays) => return,
        _ = silenced.recv() => {}
    }
    copy(&mut client, &mut sink()).await.ok();
    silent.fetch_sub(1, Ordering::SeqCst);
}

async fn answer(from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>, delays: &Delays) {
    let mut piece = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        pause(&delays.answers_after_ms).await;
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

async fn pause(wait_ms: &AtomicU64) {
    tokio::time::sleep(Duration::from_millis(wait_ms.load(Ordering::SeqCst))).await;
}
