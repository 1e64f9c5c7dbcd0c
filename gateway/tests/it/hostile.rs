//! Hostile clients: while they go on, every request of another customer succeeds.

use crate::fixture::{Options, TestGateway, limits};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::sleep,
};

/// As long as a breaker may stay open, and then some.
const ATTACK: Duration = Duration::from_secs(45);
/// Rate at which an attacker begins requests: within the rate limit.
const PAUSE: Duration = Duration::from_millis(105);

/// A gateway with the default limits.
async fn gateway() -> TestGateway {
    TestGateway::with(Options {
        limits: limits(),
        ..Options::default()
    })
    .await
}

async fn connect_from(source: &str, address: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::new(source.parse().ok()?, 0)).ok()?;
    socket.connect(address).await.ok()
}

/// Sends a request whose body trickles.
async fn trickle(source: String, address: SocketAddr, head: String, pause: Duration, bytes: usize) -> Option<()> {
    let mut stream = connect_from(&source, address).await?;
    let head = format!("{head}Host: x\r\nContent-Type: application/json\r\nContent-Length: {bytes}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    for _ in 0..bytes {
        sleep(pause).await;
        stream.write_all(b" ").await.ok()?;
    }
    stream.read(&mut [0; 4096]).await.ok().map(drop)
}

/// Makes requests of a customer while `attack` goes on; returns the statuses other than 200, with 0 for no
/// answer within two seconds.
async fn refused(gateway: &TestGateway, path: &str, attack: impl Future<Output = ()>) -> Vec<u16> {
    let customer = gateway.user("customer").await;
    // A connection for each request, as customers have who come one after the other.
    let client = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    let began = Instant::now();
    let asking = async {
        let mut refused = Vec::new();
        while began.elapsed() < ATTACK {
            let asked = client.get(gateway.url(path)).bearer_auth(&customer.token);
            let answer = asked.timeout(Duration::from_secs(2)).send().await;
            let status = answer.map_or(0, |answer| answer.status().as_u16());
            refused.extend((status != 200).then_some(status));
            sleep(Duration::from_millis(500)).await;
        }
        refused
    };
    tokio::select! {
        refused = asking => refused,
        () = attack => panic!("the attack ended first"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_uploads_of_one_address_are_no_slow_calls_of_the_service() {
    let gateway = gateway().await;
    let address = gateway.address;
    let attack = async {
        let mut running = JoinSet::new();
        loop {
            let head = "POST /api/users HTTP/1.1\r\n".to_owned();
            running.spawn(trickle(
                "127.66.0.1".to_owned(),
                address,
                head,
                Duration::from_millis(6_500),
                1,
            ));
            sleep(PAUSE).await;
        }
    };
    assert_eq!(refused(&gateway, "/api/users/me", attack).await, Vec::<u16>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_that_send_byte_by_byte_leave_the_service_to_others() {
    let gateway = gateway().await;
    let address = gateway.address;
    let (one, two) = (gateway.user("customer").await, gateway.user("customer").await);
    let attack = async {
        let mut running = JoinSet::new();
        loop {
            for (number, user) in [&one, &two].into_iter().enumerate() {
                let head = format!("POST /api/orders HTTP/1.1\r\nAuthorization: Bearer {}\r\n", user.token);
                let source = format!("127.67.0.{}", number + 1);
                running.spawn(trickle(source, address, head, Duration::from_secs(1), 60));
            }
            sleep(PAUSE).await;
        }
    };
    assert_eq!(refused(&gateway, "/api/orders", attack).await, Vec::<u16>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_of_one_address_leave_others_theirs() {
    let gateway = gateway().await;
    let address = gateway.address;
    let attack = async {
        let mut held = Vec::new();
        loop {
            while held.len() < 820 {
                held.extend(connect_from("127.68.0.1", address).await);
            }
            // Those that the gateway has closed are opened again.
            held.retain(|stream: &TcpStream| {
                let closed = stream.try_read(&mut [0; 1]);
                matches!(closed, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
            });
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert_eq!(refused(&gateway, "/api/products", attack).await, Vec::<u16>::new());
}
