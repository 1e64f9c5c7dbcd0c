//! Carries the bytes of one connection both ways, as late and as incompletely as its link says.

use super::{Shared, Trouble, Way, reset};
use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

const CHUNK_BYTES: usize = 16 * 1024;
/// Chunks on their way; what is above waits at its sender, as in any network.
const CHUNKS_MAX: usize = 64;

/// Bytes, and when they arrive.
type Chunk = (Instant, Vec<u8>);

/// Until both sides have finished, or the connection is broken or reset.
pub(super) async fn both_ways(mut client: TcpStream, mut server: TcpStream, shared: &Shared) {
    let broken = {
        let (client_in, client_out) = client.split();
        let (server_in, server_out) = server.split();
        let up = carry(client_in, server_out, Way::ToServer, shared.trouble.subscribe());
        let down = carry(server_in, client_out, Way::ToClient, shared.trouble.subscribe());
        let mut resets = shared.resets.subscribe();
        tokio::select! {
            ended = async { tokio::try_join!(up, down) } => ended.is_err(),
            _ = resets.changed() => true,
            () = beyond_repair(shared.trouble.subscribe()) => true,
        }
    };
    if broken {
        reset(&client);
        reset(&server);
    }
}

/// Ends when the link is cut, or when it stops losing bytes and a hole remains.
async fn beyond_repair(mut trouble: watch::Receiver<Trouble>) {
    let mut has_lost = false;
    loop {
        let now = *trouble.borrow_and_update();
        let loses = now.loses(Way::ToServer) || now.loses(Way::ToClient);
        if now == Trouble::Cut || (has_lost && !loses) {
            return;
        }
        has_lost |= loses;
        if trouble.changed().await.is_err() {
            return;
        }
    }
}

async fn carry(from: ReadHalf<'_>, to: WriteHalf<'_>, way: Way, trouble: watch::Receiver<Trouble>) -> io::Result<()> {
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    tokio::try_join!(read(from, sender, way, trouble), write(to, receiver)).map(drop)
}

async fn read(
    mut from: ReadHalf<'_>,
    sender: mpsc::Sender<Chunk>,
    way: Way,
    mut trouble: watch::Receiver<Trouble>,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let count = from.read(&mut buffer).await?;
        let now = *trouble.borrow();
        if count == 0 {
            // A farewell is lost like everything else.
            trouble.wait_for(|now| !now.loses(way)).await.ok();
            return Ok(());
        }
        let due = Instant::now() + now.delay();
        if !now.loses(way) && sender.send((due, buffer[..count].to_vec())).await.is_err() {
            return Ok(());
        }
    }
}

async fn write(mut to: WriteHalf<'_>, mut receiver: mpsc::Receiver<Chunk>) -> io::Result<()> {
    while let Some((due, chunk)) = receiver.recv().await {
        sleep_until(due).await;
        to.write_all(&chunk).await?;
    }
    to.shutdown().await
}
