//! Each fault of a link, as its client and its server see it.

#![cfg(test)]

use fault_proxy::{Link, LinkFault};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

const SOON: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_millis(200);

/// A server that sends every byte back, and a link to it.
async fn echo() -> (Link, JoinSet<()>) {
    let (listener, link) = server().await;
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await.ok();
            });
        }
    });
    (link, server)
}

async fn server() -> (TcpListener, Link) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = listener.local_addr().expect("its address");
    (listener, Link::open("test", target, 26_000).await.expect("a link"))
}

async fn connect(link: &Link) -> TcpStream {
    let mut stream = TcpStream::connect(link.address).await.expect("the link listens");
    exchange(&mut stream, "hello").await.expect("it is sent back");
    stream
}

async fn exchange(stream: &mut TcpStream, word: &str) -> io::Result<()> {
    stream.write_all(word.as_bytes()).await?;
    let mut back = vec![0; word.len()];
    stream.read_exact(&mut back).await?;
    assert_eq!(back, word.as_bytes());
    Ok(())
}

async fn is_reset(stream: &mut TcpStream) -> bool {
    let ended = timeout(SOON, stream.read(&mut [0; 16])).await.expect("it ends");
    ended.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
}

async fn is_silent(stream: &mut TcpStream) -> bool {
    timeout(SILENCE, stream.read(&mut [0; 16])).await.is_err()
}

async fn soon(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_healthy_link_carries_bytes_and_the_end() {
    let (link, _server) = echo().await;
    let mut stream = connect(&link).await;
    assert_eq!((link.open_connections(), link.given_up()), (1, 0));
    stream.shutdown().await.expect("it may finish");
    let left = timeout(SOON, stream.read(&mut [0; 16]))
        .await
        .expect("the end comes back");
    assert_eq!(left.expect("without an error"), 0);
    assert_eq!(link.given_up(), 1);
}

#[tokio::test]
async fn a_url_leads_through_the_link_in_front_of_its_server() {
    let (listener, _unused) = server().await;
    let port = listener.local_addr().expect("its address").port();
    let (link, url) = Link::in_front_of(&format!("amqp://user:word@localhost:{port}/vhost"))
        .await
        .expect("a link");
    assert_eq!(url, format!("amqp://user:word@{}/vhost", link.address));
    let mut client = TcpStream::connect(link.address).await.expect("the link listens");
    let (mut accepted, _) = listener.accept().await.expect("it is passed on");
    client.write_all(b"hello").await.expect("it is sent");
    accepted.read_exact(&mut [0; 5]).await.expect("it arrives");
}

#[tokio::test]
async fn latency_is_added_in_each_direction() {
    let (link, _server) = echo().await;
    let mut stream = connect(&link).await;
    link.set(LinkFault::Latency(Duration::from_millis(100)));
    let started = Instant::now();
    exchange(&mut stream, "slowly").await.expect("it arrives");
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn slow_answers_come_one_after_the_other() {
    let (listener, link) = server().await;
    let mut client = TcpStream::connect(link.address).await.expect("the link listens");
    let (mut accepted, _) = listener.accept().await.expect("it is passed on");
    link.set(LinkFault::SlowAnswers(Duration::from_millis(100)));
    let started = Instant::now();
    client.write_all(b"asked").await.expect("it is sent");
    accepted.read_exact(&mut [0; 5]).await.expect("it arrives");
    assert!(
        started.elapsed() < Duration::from_millis(100),
        "a request is not delayed"
    );
    for word in [b"one", b"two"] {
        accepted.write_all(word).await.expect("it is sent");
        // Two chunks, not one.
        sleep(Duration::from_millis(20)).await;
    }
    client.read_exact(&mut [0; 6]).await.expect("it arrives");
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_slow_connection_is_slow_only_to_open() {
    let (link, _server) = echo().await;
    let mut before = connect(&link).await;
    link.set(LinkFault::SlowConnect(SILENCE));
    let started = Instant::now();
    exchange(&mut before, "quick").await.expect("it arrives");
    assert!(started.elapsed() < SILENCE);
    let mut stream = connect(&link).await;
    assert!(started.elapsed() >= SILENCE);
    let opened = Instant::now();
    exchange(&mut stream, "quick").await.expect("it arrives");
    assert!(opened.elapsed() < SILENCE);
}

#[tokio::test]
async fn a_cut_resets_open_and_new_connections() {
    let (link, _server) = echo().await;
    let mut stream = connect(&link).await;
    link.set(LinkFault::Cut);
    assert!(is_reset(&mut stream).await);
    let mut refused = TcpStream::connect(link.address).await.expect("the listener stays");
    assert!(is_reset(&mut refused).await);
    link.set(LinkFault::None);
    connect(&link).await;
}

#[tokio::test]
async fn a_half_open_link_is_silent_until_it_heals_and_then_resets() {
    let (link, _server) = echo().await;
    let mut stream = connect(&link).await;
    link.set(LinkFault::HalfOpen);
    stream.write_all(b"lost").await.expect("it is not refused");
    let mut newcomer = TcpStream::connect(link.address).await.expect("it opens");
    newcomer.write_all(b"early").await.expect("it is not refused");
    assert!(is_silent(&mut stream).await);
    link.set(LinkFault::None);
    assert!(is_reset(&mut stream).await);
    let mut back = [0; 5];
    let heard = timeout(SOON, newcomer.read_exact(&mut back)).await;
    heard.expect("it comes").expect("whole");
    assert_eq!(&back, b"early");
}

#[tokio::test]
async fn a_half_open_link_keeps_the_servers_reset_from_the_client() {
    let (listener, link) = server().await;
    let mut client = TcpStream::connect(link.address).await.expect("the link listens");
    let (mut accepted, _) = listener.accept().await.expect("it is passed on");
    client.write_all(b"hello").await.expect("it is sent");
    accepted.read_exact(&mut [0; 5]).await.expect("it arrives");
    link.set(LinkFault::HalfOpen);
    accepted.set_zero_linger().expect("the socket is there");
    drop(accepted);
    assert!(is_silent(&mut client).await);
    link.set(LinkFault::None);
    assert!(is_reset(&mut client).await);
}

#[tokio::test]
async fn a_client_that_gives_up_a_silent_connection_is_counted() {
    let (link, _server) = echo().await;
    let stream = connect(&link).await;
    link.set(LinkFault::HalfOpen);
    let mut newcomer = TcpStream::connect(link.address).await.expect("it opens");
    newcomer.write_all(b"unread").await.expect("it is not refused");
    assert_eq!(link.given_up(), 0);
    for (given_up, client) in [(1, stream), (2, newcomer)] {
        drop(client);
        soon("the client's end is seen", || link.given_up() == given_up).await;
    }
}

#[tokio::test]
async fn silenced_connections_stay_silent_while_new_ones_work() {
    let (link, _server) = echo().await;
    let (mut kept, dropped) = (connect(&link).await, connect(&link).await);
    assert_eq!((link.silence_open(), link.silent_connections()), (2, 2));
    kept.write_all(b"lost").await.expect("it is not refused");
    assert!(is_silent(&mut kept).await);
    let fresh = connect(&link).await;
    drop(dropped);
    soon("one is given up", || link.silent_connections() == 1).await;
    assert_eq!(link.given_up(), 1);
    link.reset();
    assert!(is_reset(&mut kept).await);
    soon("none is silent", || link.silent_connections() == 0).await;
    drop(fresh);
}

#[tokio::test]
async fn lost_answers_leave_the_request_delivered() {
    let (listener, link) = server().await;
    let mut client = TcpStream::connect(link.address).await.expect("the link listens");
    let (mut accepted, _) = listener.accept().await.expect("it is passed on");
    link.set(LinkFault::AnswersLost);
    client.write_all(b"please").await.expect("it is sent");
    let mut heard = [0; 6];
    accepted.read_exact(&mut heard).await.expect("it arrives");
    accepted.write_all(b"done").await.expect("it is not refused");
    assert!(is_silent(&mut client).await);
    link.set(LinkFault::None);
    assert!(is_reset(&mut client).await);
}

#[tokio::test]
async fn a_reset_ends_open_connections_and_nothing_else() {
    let (link, _server) = echo().await;
    let mut stream = connect(&link).await;
    assert_eq!(link.reset(), 1);
    assert!(is_reset(&mut stream).await);
    connect(&link).await;
}
