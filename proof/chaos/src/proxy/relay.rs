//! Carries the bytes of one connection both ways, as late and as incompletely as its link says.

use super::{Shared, Trouble, Way, reset};
use std::{collections::VecDeque, io};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
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
        let up = carry(client_in, server_out, Way::ToServer, shared);
        let down = carry(server_in, client_out, Way::ToClient, shared);
        let mut resets = shared.resets.subscribe();
        tokio::select! {
            // A connection that has lost something is reset when the link heals, before its end could pass as a proper one.
            biased;
            _ = resets.changed() => true,
            () = beyond_repair(shared.trouble.subscribe()) => true,
            ended = async { tokio::try_join!(up, down) } => ended.is_err(),
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

/// Chunks go on at once, unless the link is slow or earlier ones are still on their way.
async fn carry(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, way: Way, shared: &Shared) -> io::Result<()> {
    let mut trouble = shared.trouble.subscribe();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut late: VecDeque<Chunk> = VecDeque::new();
    let mut ended = false;
    loop {
        let due = late.front().map(|(due, _)| *due);
        tokio::select! {
            () = at(due), if due.is_some() => {
                if let Some((_, chunk)) = late.pop_front() {
                    to.write_all(&chunk).await?;
                }
            }
            count = from.read(&mut buffer), if !ended && late.len() < CHUNKS_MAX => {
                if way == Way::ToServer && !matches!(count, Ok(1..)) {
                    shared.give_up();
                }
                let now = *trouble.borrow();
                let count = match count {
                    // A reset is lost like everything else.
                    Err(_) if now.loses(way) => 0,
                    count => count?,
                };
                if count == 0 {
                    ended = true;
                } else if !now.loses(way) && late.is_empty() && now.delay().is_zero() {
                    to.write_all(&buffer[..count]).await?;
                } else if !now.loses(way) {
                    late.push_back((Instant::now() + now.delay(), buffer[..count].to_vec()));
                }
            }
            else => break,
        }
    }
    // A farewell is lost like everything else.
    trouble.wait_for(|now| !now.loses(way)).await.ok();
    to.shutdown().await
}

async fn at(due: Option<Instant>) {
    if let Some(due) = due {
        sleep_until(due).await;
    }
}
