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
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::broadcast,
};

pub(crate) struct Way {
    /// The server's, with the way's address in it.
    pub(crate) url: String,
    pace: Arc<Pace>,
    hush: broadcast::Sender<()>,
    /// Connections that have fallen silent and are still open.
    silent: Arc<AtomicU64>,
}

#[derive(Default)]
struct Pace {
    opens_after_ms: AtomicU64,
    answers_after_ms: AtomicU64,
}

impl Way {
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    pub(crate) async fn to(url: &str) -> Self {
        let (credentials, server) = url.rsplit_once('@').unwrap();
        let (address, name) = server.split_once('/').unwrap();
        let target: SocketAddr = address.replace("localhost", "127.0.0.1").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let way = Self {
            url: format!("{credentials}@{}/{name}", listener.local_addr().unwrap()),
            pace: Arc::default(),
            hush: broadcast::Sender::new(1),
            silent: Arc::default(),
        };
        let (pace, hush, silent) = (Arc::clone(&way.pace), way.hush.clone(), Arc::clone(&way.silent));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (pace, silent) = (Arc::clone(&pace), Arc::clone(&silent));
                tokio::spawn(carry(client, target, pace, hush.subscribe(), silent));
            }
        });
        way
    }

    /// New connections take this long to open.
    pub(crate) fn open_after_ms(&self, wait_ms: u64) {
        self.pace.opens_after_ms.store(wait_ms, Ordering::SeqCst);
    }

    /// From now on each piece of an answer takes this long.
    pub(crate) fn answer_after_ms(&self, wait_ms: u64) {
        self.pace.answers_after_ms.store(wait_ms, Ordering::SeqCst);
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
    pace: Arc<Pace>,
    mut hushed: broadcast::Receiver<()>,
    silent: Arc<AtomicU64>,
) {
    pause(&pace.opens_after_ms).await;
    let mut server = TcpStream::connect(target).await.unwrap();
    let (mut asking, mut hearing) = client.split();
    let (mut answering, mut asked) = server.split();
    tokio::select! {
        _ = copy(&mut asking, &mut asked) => return,
        () = answer(&mut answering, &mut hearing, &pace) => return,
        _ = hushed.recv() => {}
    }
    copy(&mut client, &mut sink()).await.ok();
    silent.fetch_sub(1, Ordering::SeqCst);
}

async fn answer(from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>, pace: &Pace) {
    let mut piece = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        pause(&pace.answers_after_ms).await;
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

async fn pause(wait_ms: &AtomicU64) {
    tokio::time::sleep(Duration::from_millis(wait_ms.load(Ordering::SeqCst))).await;
}
