//! The two supervised connections to RabbitMQ: one to publish, one to consume.
//!
//! Two, because a broker in alarm stops reading from a connection that publishes, and lapin then sends nothing on it, not
//! even acknowledgements (rabbitmq.com/docs/alarms). lapin's automatic recovery stays off: a channel is dropped on any error
//! and a new one opened, so an acknowledgement never reaches a younger channel.

use lapin::{
    Channel, Connection, ConnectionProperties, ConnectionStatus, ErrorKind, protocol::AMQPErrorKind, uri::AMQPUri,
};
use serde::Serialize;
use std::{
    fmt,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

/// Heartbeat interval; a broker that misses two counts as gone.
const HEARTBEAT_S: u16 = 10;
/// lapin keeps two buffers of 32 frames for each connection, and touches all of them: with RabbitMQ's default of 128 KiB that
/// is 16 MiB for two connections, and a heap that fragments with each new one. A larger event takes several frames.
const FRAME_MAX_BYTES: u32 = 32 * 1024;
/// Grace period before a discarded connection is closed; longer than a silent connection lives.
const RETIREMENT: Duration = Duration::from_secs(3 * HEARTBEAT_S as u64);
const RETIREMENT_POLL_INTERVAL: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CHANNEL_TIMEOUT: Duration = Duration::from_secs(5);

/// The service's two connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Carries the relay's and the retries' publishes.
    pub(crate) publishing: Link,
    /// Carries deliveries and acknowledgements.
    pub(crate) consuming: Link,
}

/// One connection, replaced when it is found broken.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    inner: Arc<LinkInner>,
}

struct LinkInner {
    uri: String,
    name: String,
    connection: Mutex<Option<Connection>>,
    /// Read without waiting for a connection attempt.
    state: std::sync::Mutex<Option<ConnectionStatus>>,
}

/// State of one connection, for `/internal/status`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkStatus {
    /// True if the connection is open.
    pub connected: bool,
    /// True if the broker has stopped reading from it (memory or disk alarm).
    pub blocked: bool,
}

/// A failure of the broker, of a connection or of a channel.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The broker refused, or the connection or channel broke.
    #[error("the broker connection failed")]
    Amqp(#[from] lapin::Error),
    /// The broker gave no answer in time.
    #[error("the broker did not answer within {0:?}")]
    Timeout(Duration),
    /// The broker rejected a message.
    #[error("the broker refused the message: {0}")]
    Refused(String),
}

impl BrokerError {
    /// Returns true if the broker closed the channel because of a message (no such exchange, not allowed, too large), or
    /// never confirmed it, as opposed to the connection being gone.
    pub(crate) fn is_about_the_message(&self) -> bool {
        match self {
            Self::Amqp(error) => {
                matches!(error.kind(), ErrorKind::ProtocolError(error) if matches!(error.kind(), AMQPErrorKind::Soft(_)))
            }
            Self::Timeout(_) | Self::Refused(_) => true,
        }
    }
}

impl Broker {
    /// Prepares both connections; they are opened on first use.
    pub fn new(url: &str, service: &str) -> Self {
        Self {
            publishing: Link::new(url, format!("{service}/publishing")),
            consuming: Link::new(url, format!("{service}/consuming")),
        }
    }

    /// Returns true if this is an AMQP URL. The parser's own error is not for a log: it repeats the password.
    pub fn is_url(url: &str) -> bool {
        url.parse::<AMQPUri>().is_ok()
    }

    /// Returns the state of the publishing and of the consuming connection.
    pub fn status(&self) -> (LinkStatus, LinkStatus) {
        (self.publishing.status(), self.consuming.status())
    }

    /// Closes both connections at the end of the process.
    pub async fn close(&self) {
        self.publishing.close().await;
        self.consuming.close().await;
    }
}

impl Link {
    fn new(url: &str, name: String) -> Self {
        let separator = if url.contains('?') { '&' } else { '?' };
        let uri = format!("{url}{separator}heartbeat={HEARTBEAT_S}&frame_max={FRAME_MAX_BYTES}");
        Self {
            inner: Arc::new(LinkInner {
                uri,
                name,
                connection: Mutex::new(None),
                state: std::sync::Mutex::new(None),
            }),
        }
    }

    /// Opens a channel, on a new connection if the last one is gone. One connection attempt; pacing is the caller's.
    pub(crate) async fn channel(&self) -> Result<Channel, BrokerError> {
        let mut slot = self.inner.connection.lock().await;
        let connection = match slot.take().filter(|connection| connection.status().connected()) {
            Some(connection) => slot.insert(connection),
            None => slot.insert(self.connect().await?),
        };
        if let Ok(channel) = timeout(CHANNEL_TIMEOUT, connection.create_channel()).await {
            Ok(channel?)
        } else {
            if let Some(connection) = slot.take() {
                retire(connection);
            }
            Err(BrokerError::Timeout(CHANNEL_TIMEOUT))
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that connects to the broker")]
    async fn connect(&self) -> Result<Connection, BrokerError> {
        let properties = ConnectionProperties::default().with_connection_name(self.inner.name.as_str().into());
        let connecting = Connection::connect(&self.inner.uri, properties);
        let connection = timeout(CONNECT_TIMEOUT, connecting)
            .await
            .map_err(|_| BrokerError::Timeout(CONNECT_TIMEOUT))??;
        *self.inner.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.status().clone());
        tracing::info!(connection = %self.inner.name, "Connected to RabbitMQ");
        Ok(connection)
    }

    /// Discards the connection, so that the next channel is opened on a new one.
    pub(crate) async fn discard(&self) {
        if let Some(connection) = self.inner.connection.lock().await.take() {
            retire(connection);
        }
    }

    async fn close(&self) {
        if let Some(connection) = self.inner.connection.lock().await.take()
            && !close(&connection).await
        {
            tracing::debug!(connection = %self.inner.name, "RabbitMQ connection was already gone");
        }
    }

    /// Returns true if the broker has stopped reading from this connection.
    pub(crate) fn is_blocked(&self) -> bool {
        self.status().blocked
    }

    fn status(&self) -> LinkStatus {
        let state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        LinkStatus {
            connected: state.as_ref().is_some_and(ConnectionStatus::connected),
            blocked: state.as_ref().is_some_and(|state| state.connected() && state.blocked()),
        }
    }
}

/// Ends a connection that does not answer.
///
/// lapin stops a connection's heartbeats as soon as it closes it, and then waits for the broker's close-ok without a limit,
/// holding a thread and a socket. So the heartbeats first get the time to miss two; a connection that outlives that is
/// sound, and is closed properly.
#[expect(
    clippy::disallowed_methods,
    reason = "the task ends by itself within the grace period"
)]
fn retire(connection: Connection) {
    tokio::spawn(async move {
        let ended = async {
            while connection.status().connected() {
                sleep(RETIREMENT_POLL_INTERVAL).await;
            }
        };
        if timeout(RETIREMENT, ended).await.is_err() {
            close(&connection).await;
        }
    });
}

/// Closes a connection; returns true if the broker confirmed it in time.
async fn close(connection: &Connection) -> bool {
    let closing = connection.close(200, "bye".into());
    matches!(timeout(CHANNEL_TIMEOUT, closing).await, Ok(Ok(())))
}

/// Leaves out the URI, which holds the password.
impl fmt::Debug for LinkInner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Link")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
