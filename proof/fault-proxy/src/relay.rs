//! The copying of one connection's bytes in both directions, delayed and dropped as its link says.

use crate::{
    fault::{Direction, LinkFault},
    state::{LinkState, reset},
};
use std::{collections::VecDeque, io, sync::atomic::Ordering, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

const CHUNK_BYTES: usize = 16 * 1024;
/// Chunks in flight; beyond them the sender meets backpressure, as on any network.
const CHUNKS_MAX: usize = 64;
const CLOSED_POLL_INTERVAL: Duration = Duration::from_millis(50);

enum End {
    Closed,
    Broken,
    Silenced,
}

/// Copies until both sides have finished, or the connection is broken, reset or silenced.
pub(crate) async fn both_ways(mut client: TcpStream, mut server: TcpStream, state: &LinkState) {
    let mut silence = state.silence.subscribe();
    let mut resets = state.resets.subscribe();
    let end = {
        let (client_in, client_out) = client.split();
        let (server_in, server_out) = server.split();
        let up = carry(client_in, server_out, Direction::ToServer, state);
        let down = carry(server_in, client_out, Direction::ToClient, state);
        tokio::select! {
            // A connection that has lost bytes is reset when the link heals, before its end could pass as a proper one.
            biased;
            _ = resets.changed() => End::Broken,
            _ = silence.recv() => End::Silenced,
            () = beyond_repair(state.fault.subscribe()) => End::Broken,
            ended = async { tokio::try_join!(up, down) } => if ended.is_err() { End::Broken } else { End::Closed },
        }
    };
    let was_silenced = matches!(end, End::Silenced) || silence.try_recv().is_ok();
    drop(silence);
    let is_broken = match end {
        End::Closed => false,
        End::Broken => true,
        End::Silenced => tokio::select! {
            () = closed(&client) => {
                state.give_up();
                false
            }
            _ = resets.changed() => true,
        },
    };
    if was_silenced {
        state.silent.fetch_sub(1, Ordering::Relaxed);
    }
    if is_broken {
        reset(&client);
        reset(&server);
    }
}

/// Waits until the other side has closed; its earlier bytes stay unread.
pub(crate) async fn closed(stream: &TcpStream) {
    while stream
        .ready(Interest::READABLE)
        .await
        .is_ok_and(|ready| !ready.is_read_closed())
    {
        // With bytes to read it is ready at once, again and again.
        sleep(CLOSED_POLL_INTERVAL).await;
    }
}

/// Ends when the link is cut, or when it stops dropping bytes and a hole remains: a stream with a hole in it is no stream.
async fn beyond_repair(mut fault: watch::Receiver<LinkFault>) {
    let mut has_hole = false;
    loop {
        let now = *fault.borrow_and_update();
        if now == LinkFault::Cut || (has_hole && !now.drops_any()) {
            return;
        }
        has_hole |= now.drops_any();
        if fault.changed().await.is_err() {
            return;
        }
    }
}

/// Bytes, and the time of their arrival.
type Chunk = (Instant, Vec<u8>);

/// Chunks pass at once, unless the link delays them or earlier ones are still in flight.
async fn carry(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    state: &LinkState,
) -> io::Result<()> {
    let mut fault = state.fault.subscribe();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut in_flight: VecDeque<Chunk> = VecDeque::new();
    let mut ended = false;
    loop {
        let due = in_flight.front().map(|(due, _)| *due);
        tokio::select! {
            () = at(due), if due.is_some() => {
                if let Some((_, chunk)) = in_flight.pop_front() {
                    to.write_all(&chunk).await?;
                }
            }
            count = from.read(&mut buffer), if !ended && in_flight.len() < CHUNKS_MAX => {
                if direction == Direction::ToServer && !matches!(count, Ok(1..)) {
                    state.give_up();
                }
                let now = *fault.borrow();
                let count = match count {
                    // A reset is lost like everything else.
                    Err(_) if now.drops(direction) => 0,
                    count => count?,
                };
                let arrival = arrival(now, direction, in_flight.back());
                if count == 0 {
                    ended = true;
                } else if !now.drops(direction) && in_flight.is_empty() && arrival.is_none() {
                    to.write_all(&buffer[..count]).await?;
                } else if !now.drops(direction) {
                    in_flight.push_back((arrival.unwrap_or_else(Instant::now), buffer[..count].to_vec()));
                }
            }
            else => break,
        }
    }
    // So is a FIN.
    fault.wait_for(|now| !now.drops(direction)).await.ok();
    to.shutdown().await
}

/// The time at which a chunk that is read now arrives; `None` without delay.
fn arrival(fault: LinkFault, direction: Direction, last: Option<&Chunk>) -> Option<Instant> {
    let now = Instant::now();
    match fault {
        LinkFault::Latency(delay) => Some(now + delay),
        LinkFault::SlowAnswers(delay) if direction == Direction::ToClient => {
            Some(last.map_or(now, |(due, _)| now.max(*due)) + delay)
        }
        _ => None,
    }
}

async fn at(due: Option<Instant>) {
    if let Some(due) = due {
        sleep_until(due).await;
    }
}
