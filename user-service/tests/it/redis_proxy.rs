//! A TCP proxy in front of Redis whose link can fail.

use deadpool_redis::redis::IntoConnectionInfo;
use testkit::variable;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// The state of the link.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Link {
    Up,
    /// Connections are closed at once.
    Cut,
    /// Connections are accepted and get no answer.
    Silent,
}

pub(crate) struct RedisProxy {
    /// The URL of Redis by way of this proxy.
    pub(crate) url: String,
    link: watch::Sender<Link>,
    _connections: JoinSet<()>,
}

impl RedisProxy {
    pub(crate) async fn new() -> Self {
        let redis = variable("TEST_REDIS_URL");
        let target = redis.as_str().into_connection_info().unwrap().addr().to_string();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = redis.replace(&target, &listener.local_addr().unwrap().to_string());
        assert_ne!(url, redis);
        let link = watch::Sender::new(Link::Up);
        let state = link.subscribe();
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                open.spawn(forward(client, target.clone(), state.clone()));
            }
        });
        Self {
            url,
            link,
            _connections: connections,
        }
    }

    pub(crate) fn set_link(&self, link: Link) {
        self.link.send_replace(link);
    }
}

async fn forward(mut client: TcpStream, target: String, mut link: watch::Receiver<Link>) {
    let now = *link.borrow_and_update();
    if now == Link::Up {
        let mut server = TcpStream::connect(target).await.unwrap();
        tokio::select! {
            // Either side may close the connection.
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = link.changed() => {}
        }
    }
    let now = *link.borrow_and_update();
    if now == Link::Silent {
        link.wait_for(|link| *link != Link::Silent).await.ok();
    }
}
