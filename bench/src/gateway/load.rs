//! The client: one request at a time on each of its connections, which stay open.

use crate::report::Outcome;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Duration, Instant},
};

/// Requests of a duration, on one connection for each text.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    duration: Duration,
    /// Requests per second over all connections; `None`: each connection sends as soon as it has its answer.
    rate_per_s: Option<u32>,
}

impl Load {
    pub(crate) fn busy(duration: Duration) -> Self {
        Self {
            duration,
            rate_per_s: None,
        }
    }

    pub(crate) fn paced(duration: Duration, rate_per_s: u32) -> Self {
        Self {
            duration,
            rate_per_s: Some(rate_per_s),
        }
    }

    /// Sends, and returns the latency of each request in microseconds.
    pub(crate) async fn run(self, address: SocketAddr, requests: &[String]) -> Outcome<Vec<f64>> {
        let mut connections = JoinSet::new();
        let interval = self.rate_per_s.map(|rate_per_s| Duration::from_secs(1) / rate_per_s);
        let period = interval.map(|interval| interval * u32::try_from(requests.len()).unwrap_or(u32::MAX));
        let started = Instant::now();
        for (request, index) in requests.iter().zip(0..) {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let first = started + interval.unwrap_or_default() * index;
            connections.spawn(send(stream, request.clone(), first, period, started + self.duration));
        }
        let mut latencies_us = Vec::new();
        while let Some(sent) = connections.join_next().await {
            latencies_us.extend(sent??);
        }
        Ok(latencies_us)
    }
}

/// Sends until `end`. An answer that is late delays the next request, and that delay counts as its latency.
async fn send(
    mut stream: TcpStream,
    request: String,
    mut due: Instant,
    period: Option<Duration>,
    end: Instant,
) -> Outcome<Vec<f64>> {
    let (mut latencies_us, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
    while due < end {
        let mut began = due;
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
            began = Instant::now();
        }
        stream.write_all(request.as_bytes()).await?;
        read_answer(&mut stream, &mut buffer).await?;
        latencies_us.push(began.elapsed().as_secs_f64() * 1e6);
        due = period.map_or_else(Instant::now, |period| due + period);
    }
    Ok(latencies_us)
}

/// Reads one answer with a `Content-Length`; it must be a 200.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Outcome<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err("the connection was closed".into());
        }
        filled += read;
        let text = std::str::from_utf8(&buffer[..filled])?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        if !head.starts_with("HTTP/1.1 200 ") {
            return Err(format!("answered {text}").into());
        }
        let head = head.to_ascii_lowercase();
        let (_, rest) = head.split_once("\r\ncontent-length: ").ok_or("no length")?;
        let length: usize = rest.split("\r\n").next().unwrap_or_default().parse()?;
        if body.len() >= length {
            return Ok(());
        }
    }
}
