use super::*;
use crate::waiting::until;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout},
};

const SOON: Duration = Duration::from_secs(5);
const FIRST_PORT: u16 = 26_000;

/// A server that says everything back, and a link to it.
async fn echo() -> (Link, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = listener.local_addr().expect("its address");
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
    let link = Link::open("test", target, FIRST_PORT).await.expect("a link");
    (link, server)
}

async fn connect(link: &Link) -> TcpStream {
    let mut stream = TcpStream::connect(link.address).await.expect("the link listens");
    say(&mut stream, "hello").await.expect("it is said back");
    stream
}

async fn say(stream: &mut TcpStream, word: &str) -> io::Result<()> {
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

#[tokio::test]
async fn a_sound_link_carries_bytes_and_the_end() {
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
async fn latency_is_paid_each_way() {
    let (link, _server) = echo().await;
    let mut stream = connect(&link).await;
    link.set(Trouble::Latency(Duration::from_millis(100)));
    let started = Instant::now();
    say(&mut stream, "slowly").await.expect("it arrives");
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_cut_resets_what_is_open_and_what_is_opened() {
    let (link, _server) = echo().await;
    let mut stream = connect(&link).await;
    link.set(Trouble::Cut);
    assert!(is_reset(&mut stream).await);
    let mut refused = TcpStream::connect(link.address).await.expect("the listener stays");
    assert!(is_reset(&mut refused).await);
    link.set(Trouble::None);
    connect(&link).await;
}

#[tokio::test]
async fn a_half_open_link_is_silent_until_it_heals_and_then_resets() {
    let (link, _server) = echo().await;
    let mut stream = connect(&link).await;
    link.set(Trouble::HalfOpen);
    stream.write_all(b"lost").await.expect("nobody says no");
    let mut newcomer = TcpStream::connect(link.address).await.expect("it opens");
    newcomer.write_all(b"early").await.expect("nobody says no");
    let silence = Duration::from_millis(200);
    assert!(timeout(silence, stream.read(&mut [0; 16])).await.is_err());
    link.set(Trouble::None);
    assert!(is_reset(&mut stream).await);
    let mut back = [0; 5];
    let heard = timeout(SOON, newcomer.read_exact(&mut back)).await;
    heard.expect("it comes").expect("whole");
    assert_eq!(&back, b"early");
}

#[tokio::test]
async fn a_half_open_link_keeps_the_servers_reset_to_itself() {
    let server = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = server.local_addr().expect("its address");
    let link = Link::open("test", target, FIRST_PORT).await.expect("a link");
    let mut client = TcpStream::connect(link.address).await.expect("the link listens");
    let (mut accepted, _) = server.accept().await.expect("it is passed on");
    client.write_all(b"hello").await.expect("it is sent");
    accepted.read_exact(&mut [0; 5]).await.expect("it arrives");
    link.set(Trouble::HalfOpen);
    reset(&accepted);
    drop(accepted);
    let heard = timeout(Duration::from_millis(200), client.read(&mut [0; 16])).await;
    assert!(heard.is_err(), "{heard:?}");
    link.set(Trouble::None);
    assert!(is_reset(&mut client).await);
}

#[tokio::test]
async fn a_client_that_gives_up_a_silent_connection_is_noticed() {
    let (link, _server) = echo().await;
    let stream = connect(&link).await;
    link.set(Trouble::HalfOpen);
    let mut newcomer = TcpStream::connect(link.address).await.expect("it opens");
    newcomer.write_all(b"unread").await.expect("nobody says no");
    assert_eq!(link.given_up(), 0);
    for (given_up, client) in [(1, stream), (2, newcomer)] {
        drop(client);
        let noticed = until(SOON, || async { link.given_up() == given_up }).await;
        assert!(noticed.is_some(), "{} instead of {given_up}", link.given_up());
    }
}

#[tokio::test]
async fn lost_answers_leave_the_request_delivered() {
    let (server, link) = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let target = listener.local_addr().expect("its address");
        (listener, Link::open("test", target, FIRST_PORT).await.expect("a link"))
    };
    let mut client = TcpStream::connect(link.address).await.expect("the link listens");
    let (mut accepted, _) = server.accept().await.expect("it is passed on");
    link.set(Trouble::AnswersLost);
    client.write_all(b"please").await.expect("it is sent");
    let mut heard = [0; 6];
    accepted.read_exact(&mut heard).await.expect("it arrives");
    accepted.write_all(b"done").await.expect("nobody says no");
    let answer = timeout(Duration::from_millis(200), client.read(&mut [0; 16])).await;
    assert!(answer.is_err());
    link.set(Trouble::None);
    assert!(is_reset(&mut client).await);
}

#[tokio::test]
async fn reset_ends_what_is_open_and_nothing_else() {
    let (link, _server) = echo().await;
    let mut stream = connect(&link).await;
    assert_eq!(link.reset(), 1);
    assert!(is_reset(&mut stream).await);
    connect(&link).await;
}
