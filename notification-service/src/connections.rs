//! Connections to the mail server, kept for the next mails: a connection costs more than a mail.
//!
//! lettre's own pool is not used: it checks an idle connection by a command without a time limit.

use crate::config::SmtpServer;
use lettre::transport::smtp::{Error as SmtpError, client::AsyncSmtpConnection, extension::ClientId};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// Time for which an idle connection is kept. Mail servers wait for the next command for minutes, but whatever stands between
/// forgets connections sooner.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(5);
/// Mails sent over one connection; servers limit them, and say so by an error.
const MAILS_MAX: u32 = 100;
/// Limit on the good-bye to a server whose reply is known already.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// The connections of one client. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Connections {
    server: SmtpServer,
    /// The one used last is the last.
    idle: Arc<Mutex<Vec<Connection>>>,
}

/// A connection whose dialogue is at its beginning.
pub(crate) struct Connection {
    pub(crate) smtp: AsyncSmtpConnection,
    mails: u32,
    used_at: Instant,
}

impl Connections {
    pub(crate) fn new(server: &SmtpServer) -> Self {
        Self {
            server: server.clone(),
            idle: Arc::default(),
        }
    }

    /// Takes an idle connection, which the server may have closed meanwhile.
    pub(crate) fn idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop().filter(|connection| connection.used_at.elapsed() < IDLE_MAX)
    }

    /// Opens a connection.
    pub(crate) async fn open(&self) -> Result<Connection, SmtpError> {
        let address = (self.server.host.as_str(), self.server.port);
        let smtp = AsyncSmtpConnection::connect_tokio1(address, None, &ClientId::default(), None, None).await?;
        Ok(Connection {
            smtp,
            mails: 0,
            used_at: Instant::now(),
        })
    }

    /// Keeps a connection over which the server has taken a mail.
    pub(crate) async fn keep(&self, mut connection: Connection) {
        connection.mails += 1;
        connection.used_at = Instant::now();
        if connection.mails < MAILS_MAX {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(connection);
        } else {
            connection.close().await;
        }
    }

    /// Closes the connections that have been idle for long.
    pub(crate) async fn close_idle(self) {
        let expired: Vec<Connection> = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = idle.partition_point(|connection| connection.used_at.elapsed() >= IDLE_MAX);
            idle.drain(..fresh).collect()
        };
        for connection in expired {
            connection.close().await;
        }
    }
}

impl Connection {
    /// Ends the dialogue, wherever it is.
    pub(crate) async fn close(mut self) {
        drop(timeout(QUIT_TIMEOUT, self.smtp.abort()).await);
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connections")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
