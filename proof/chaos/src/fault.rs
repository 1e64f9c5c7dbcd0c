//! What is done to the platform, one fault at a time: applied, held for a while, taken back.

use crate::{
    platform::{
        Platform, process,
        servers::{Server, Servers},
        signal::{self, Signal},
    },
    proxy,
    trouble::Trouble,
    waiting::until,
};
use serde::Serialize;
use std::{fmt, time::Duration};
use tokio::time::{Instant, sleep};

/// How long a fault that ends a process waits to see another in its place.
const REPLACEMENT_LIMIT: Duration = Duration::from_secs(40);
/// The share of memory at which RabbitMQ raises its alarm by default.
const BROKER_MEMORY_SHARE: f64 = 0.4;

/// One fault. Processes and links are named as [`Platform`] names them.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// `kill -9` of a program; its supervisor starts it again.
    Kill(String),
    /// SIGTERM to a program; it must end with code 0 within 20 s, and is started again.
    Terminate(String),
    /// SIGSTOP, and SIGCONT after a while.
    Pause(String, Duration),
    /// `kill -9` of a server.
    KillServer(Server),
    /// A server is stopped in its proper way, stays away, and comes back.
    RestartServer(Server, Duration),
    /// SIGSTOP to every process of a server, and SIGCONT after a while.
    PauseServer(Server, Duration),
    /// A link misbehaves for a while.
    Disturb(String, proxy::Trouble, Duration),
    /// What is open on a link is reset.
    Reset(String),
    /// The broker's memory alarm: it stops reading from publishers.
    BrokerAlarm(Duration),
    /// An operator closes all connections to the broker.
    CloseConnections,
    /// An administrator ends the sessions of one database (`order_service`), or of all.
    TerminateBackends(Option<String>),
    /// Redis answers nothing for a while.
    RedisPause(Duration),
    /// Redis forgets everything.
    RedisFlush,
    /// A message that is no event, published with this routing key. The text names it.
    Poison(&'static str, String),
}

/// A fault, when it was applied, and what was seen of it.
#[derive(Debug, Clone, Serialize)]
pub struct Applied {
    /// Milliseconds since the start of the run.
    pub at_ms: u64,
    /// [`Fault::kind`].
    pub kind: &'static str,
    /// What was done to whom.
    pub what: String,
    /// Until it was taken back.
    pub took_ms: u64,
    /// What was seen of it, or why it could not be applied.
    pub seen: Result<String, String>,
}

impl Fault {
    /// Its kind, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Kill(_) => "kill -9",
            Self::Terminate(_) => "SIGTERM",
            Self::Pause(..) => "SIGSTOP",
            Self::KillServer(_) => "kill -9 of a server",
            Self::RestartServer(..) => "proper restart of a server",
            Self::PauseServer(..) => "SIGSTOP of a server",
            Self::Disturb(_, trouble, _) => disturbance(*trouble),
            Self::Reset(_) => "connection reset",
            Self::BrokerAlarm(_) => "broker alarm",
            Self::CloseConnections => "broker connections closed",
            Self::TerminateBackends(_) => "database sessions ended",
            Self::RedisPause(_) => "Redis pause",
            Self::RedisFlush => "Redis flush",
            Self::Poison(..) => "rubbish message",
        }
    }

    /// Applies it, holds it for as long as it says, takes it back. Returns what was seen.
    pub async fn apply(&self, platform: &Platform) -> Result<String, Trouble> {
        let servers = &platform.servers;
        match self {
            Self::Kill(name) => end(platform, name, Signal::Kill).await,
            Self::Terminate(name) => end(platform, name, Signal::Term).await,
            Self::Pause(name, how_long) => {
                let pid = find(platform, name)?.pid().ok_or_else(|| down(name))?;
                pause(&[pid], *how_long).await
            }
            Self::KillServer(server) => servers.kill(*server).await.map(|()| "another one runs".to_owned()),
            Self::RestartServer(server, away) => {
                let stopped = servers.stop(*server).await;
                sleep(*away).await;
                servers.start(*server).await?;
                stopped.map(|()| "stopped and started".to_owned())
            }
            Self::PauseServer(server, how_long) => pause(&servers.pids(*server).await, *how_long).await,
            Self::Disturb(name, trouble, how_long) => {
                let link = link(platform, name)?;
                let open = link.open_connections();
                link.set(*trouble);
                sleep(*how_long).await;
                link.set(proxy::Trouble::None);
                Ok(format!("{open} connections were open"))
            }
            Self::Reset(name) => some(link(platform, name)?.reset(), "connections were open"),
            Self::BrokerAlarm(how_long) => alarm(platform, *how_long).await,
            Self::CloseConnections => some(servers.close_connections().await?, "connections closed"),
            Self::TerminateBackends(database) => {
                some(servers.terminate_backends(database.as_deref()).await?, "sessions ended")
            }
            Self::RedisPause(how_long) => {
                let milliseconds = how_long.as_millis().to_string();
                servers.redis(&["client", "pause", &milliseconds, "all"]).await?;
                sleep(*how_long).await;
                Ok("it stood still".to_owned())
            }
            Self::RedisFlush => servers.redis(&["flushall"]).await.map(|()| "emptied".to_owned()),
            Self::Poison(key, body) => publish(servers, key, body).await,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        match self {
            Self::Kill(name) | Self::Terminate(name) | Self::Reset(name) => write!(f, " {name}"),
            Self::Pause(name, how_long) | Self::Disturb(name, _, how_long) => write!(f, " {name} {how_long:.1?}"),
            Self::KillServer(server) => write!(f, " {}", server.name()),
            Self::RestartServer(server, how_long) | Self::PauseServer(server, how_long) => {
                write!(f, " {} {how_long:.1?}", server.name())
            }
            Self::BrokerAlarm(how_long) | Self::RedisPause(how_long) => write!(f, " {how_long:.1?}"),
            Self::TerminateBackends(database) => write!(f, " {}", database.as_deref().unwrap_or("all")),
            Self::Poison(key, _) => write!(f, " {key}"),
            Self::CloseConnections | Self::RedisFlush => Ok(()),
        }
    }
}

fn disturbance(trouble: proxy::Trouble) -> &'static str {
    match trouble {
        proxy::Trouble::None => "nothing",
        proxy::Trouble::Latency(_) => "latency",
        proxy::Trouble::Cut => "link cut",
        proxy::Trouble::HalfOpen => "half-open link",
        proxy::Trouble::AnswersLost => "answers lost",
        proxy::Trouble::RequestsLost => "requests lost",
    }
}

/// Ends a program and waits for the next one.
async fn end(platform: &Platform, name: &str, signal: Signal) -> Result<String, Trouble> {
    let process = find(platform, name)?;
    let pid = process.pid().ok_or_else(|| down(name))?;
    process.end(signal);
    if !process.until_not(pid, process::STOP_LIMIT).await {
        process.end(Signal::Kill);
        return Err(Trouble::Platform(format!(
            "{name} did not stop within {:?}",
            process::STOP_LIMIT
        )));
    }
    let ended = process.ends().last().copied();
    let ended = ended.map_or_else(String::new, |end| match end.code {
        Some(code) => format!("exit code {code}"),
        None => format!("signal {}", end.signal.unwrap_or_default()),
    });
    let is_replaced = || async { process.pid().is_some_and(|now| now != pid) };
    until(REPLACEMENT_LIMIT, is_replaced).await.ok_or_else(|| down(name))?;
    Ok(ended)
}

async fn pause(pids: &[u32], how_long: Duration) -> Result<String, Trouble> {
    let stopped = pids.iter().filter(|pid| signal::send(**pid, Signal::Stop)).count();
    sleep(how_long).await;
    for pid in pids {
        signal::send(*pid, Signal::Cont);
    }
    some(stopped, "processes stood still")
}

/// What was hit; nothing is no fault.
fn some(count: usize, what: &str) -> Result<String, Trouble> {
    let seen = format!("{count} {what}");
    if count == 0 {
        return Err(Trouble::Platform(seen));
    }
    Ok(seen)
}

async fn alarm(platform: &Platform, how_long: Duration) -> Result<String, Trouble> {
    platform.servers.set_broker_memory_limit(0.0).await?;
    let raised = platform.servers.has_alarm().await;
    sleep(how_long).await;
    // The broker may be away or stand still at this moment; the alarm must not stay.
    let is_healed = || async {
        platform
            .servers
            .set_broker_memory_limit(BROKER_MEMORY_SHARE)
            .await
            .is_ok()
    };
    let healed = until(REPLACEMENT_LIMIT, is_healed).await;
    match (raised, healed) {
        (Ok(true), Some(_)) => Ok("the alarm was on".to_owned()),
        (Ok(false), Some(_)) => Err(Trouble::Platform("no alarm was seen".to_owned())),
        (Ok(_), None) => Err(Trouble::Platform("the alarm could not be taken back".to_owned())),
        (Err(error), _) => Err(error),
    }
}

/// Until the broker has taken it; once too often does no harm.
async fn publish(servers: &Servers, key: &str, body: &str) -> Result<String, Trouble> {
    let deadline = Instant::now() + REPLACEMENT_LIMIT;
    loop {
        match servers.publish(key, body).await {
            Ok(true) => return Ok("routed".to_owned()),
            Ok(false) => return Err(Trouble::Platform("it reached no queue".to_owned())),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => sleep(Duration::from_secs(1)).await,
        }
    }
}

fn find<'a>(platform: &'a Platform, name: &str) -> Result<&'a process::Process, Trouble> {
    platform
        .process(name)
        .ok_or_else(|| Trouble::Platform(format!("there is no {name}")))
}

fn link<'a>(platform: &'a Platform, name: &str) -> Result<&'a proxy::Link, Trouble> {
    let found = platform.links.iter().find(|link| link.name == name);
    found.ok_or_else(|| Trouble::Platform(format!("there is no link {name}")))
}

fn down(name: &str) -> Trouble {
    Trouble::Platform(format!("{name} does not run"))
}
