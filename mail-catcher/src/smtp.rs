//! The SMTP server. `mailin` implements the protocol; the connection handling is written here, because mailin's own server
//! cannot be stopped, holds a thread per idle client and depends on a TLS library.

use crate::store::{Envelope, Store};
use kernel::chain;
use mailin::{Action, Handler, Response, Session, SessionBuilder, response};
use std::{io, net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

const SESSIONS_MAX: usize = 256;
const IDLE_MAX: Duration = Duration::from_mins(5);
const LINE_BYTES_MAX: u64 = 64 * 1024;
const MAIL_BYTES_MAX: usize = 10 * 1024 * 1024;
const RECIPIENTS_MAX: usize = 100;
/// Recipient domain that is refused permanently (550), so that a refusal can be tested.
const REFUSED_DOMAIN: &str = "@refused.invalid";
const END_OF_MAIL: &[u8] = b".\r\n";

/// Accepts sessions until the future is dropped, which ends the sessions as well.
pub(crate) async fn serve(listener: TcpListener, store: Arc<Store>) {
    let permits = Arc::new(Semaphore::new(SESSIONS_MAX));
    let mut sessions = JoinSet::new();
    loop {
        let permit = Arc::clone(&permits)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let accepted = listener.accept().await;
        // Removes finished sessions from the set.
        while sessions.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let store = Arc::clone(&store);
                sessions.spawn(async move {
                    if let Err(error) = run_session(stream, peer.ip(), store).await {
                        tracing::info!(%peer, error = chain(&error), "Mail session ended early");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                // Usually the process is out of file descriptors: without a pause the loop would spin until one is closed.
                tracing::error!(error = chain(&error), "Mail session could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn run_session(stream: TcpStream, peer: IpAddr, store: Arc<Store>) -> io::Result<()> {
    let mut session = SessionBuilder::new("mail-catcher").build(peer, Receiver::new(store));
    let mut stream = BufStream::new(stream);
    send_reply(&mut stream, &session.greeting()).await?;
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut stream).take(LINE_BYTES_MAX);
        if tokio::time::timeout(IDLE_MAX, limited.read_until(b'\n', &mut line)).await?? == 0 {
            return Ok(());
        }
        if !line.ends_with(b"\n") {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "unterminated or overlong line",
            ));
        }
        let ends_mail = line == END_OF_MAIL;
        let reply;
        (session, reply) = if ends_mail {
            process_blocking(session).await?
        } else {
            process(session, &line)
        };
        if reply.action != Action::NoReply {
            send_reply(&mut stream, &reply).await?;
        }
        // After a refused mail `mailin` would parse the next command as more of the mail, so the session is closed and the
        // client has to connect again.
        if reply.action == Action::Close || (ends_mail && reply.is_error) {
            return Ok(());
        }
    }
}

fn process(mut session: Session<Receiver>, line: &[u8]) -> (Session<Receiver>, Response) {
    let reply = session.process(line);
    (session, reply)
}

/// Processes the end of a mail on a blocking thread, since [`Receiver`] then writes the mail to disk.
async fn process_blocking(session: Session<Receiver>) -> io::Result<(Session<Receiver>, Response)> {
    tokio::task::spawn_blocking(move || process(session, END_OF_MAIL))
        .await
        .map_err(io::Error::other)
}

async fn send_reply(stream: &mut BufStream<TcpStream>, reply: &Response) -> io::Result<()> {
    stream.write_all(&reply.buffer()?).await?;
    stream.flush().await
}

/// Collects one mail at a time and stores it once it is complete.
struct Receiver {
    store: Arc<Store>,
    envelope: Envelope,
    mail: Vec<u8>,
    too_big: bool,
    recipients: usize,
}

impl Receiver {
    fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            envelope: Envelope::default(),
            mail: Vec::new(),
            too_big: false,
            recipients: 0,
        }
    }
}

impl Handler for Receiver {
    fn mail(&mut self, _peer: IpAddr, _domain: &str, _from: &str) -> Response {
        self.recipients = 0;
        response::OK
    }

    fn rcpt(&mut self, to: &str) -> Response {
        if to.to_ascii_lowercase().ends_with(REFUSED_DOMAIN) {
            return response::NO_MAILBOX;
        }
        self.recipients += 1;
        if self.recipients > RECIPIENTS_MAX {
            response::OUT_OF_SPACE
        } else {
            response::OK
        }
    }

    fn data_start(&mut self, _domain: &str, from: &str, _is_8bit: bool, to: &[String]) -> Response {
        self.envelope = Envelope {
            from: from.to_owned(),
            to: to.to_vec(),
        };
        self.mail.clear();
        self.too_big = false;
        response::START_DATA
    }

    fn data(&mut self, line: &[u8]) -> io::Result<()> {
        if self.mail.len() + line.len() > MAIL_BYTES_MAX {
            self.too_big = true;
        } else {
            self.mail.extend_from_slice(line);
        }
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        if self.too_big {
            return response::NO_STORAGE;
        }
        match self.store.add(&self.envelope, &self.mail) {
            Ok(id) => {
                tracing::info!(mail.id = id, "Mail received");
                response::OK
            }
            Err(error) => {
                tracing::error!(error = chain(&error), "Mail could not be stored");
                response::OUT_OF_SPACE
            }
        }
    }
}
