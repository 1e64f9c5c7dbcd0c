//! A fault, as the plan decides it: [`crate::inject`] applies it.

use fault_proxy::LinkFault;
use std::{fmt, time::Duration};

/// A server, as local mode's supervisor names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Postgres,
    Redis,
    Rabbitmq,
    /// Erlang's port mapper.
    Epmd,
}

impl Server {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Rabbitmq => "rabbitmq",
            Self::Epmd => "epmd",
        }
    }
}

/// One fault. Processes and links bear the names that the cluster gives them; a duration is the time until the fault is
/// taken back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// `kill -9` of a program; its supervisor restarts it.
    Kill(String),
    /// SIGTERM to a program; it must exit with code 0 within 20 s, and is restarted.
    Terminate(String),
    /// SIGSTOP, later SIGCONT.
    Pause(String, Duration),
    /// `kill -9` of a server.
    KillServer(Server),
    /// Orderly stop of a server, downtime, start.
    RestartServer(Server, Duration),
    /// SIGSTOP to every process of a server, later SIGCONT.
    PauseServer(Server, Duration),
    /// A link fault, later healed.
    DisturbLink(String, LinkFault, Duration),
    /// RST on the open connections of a link.
    ResetLink(String),
    /// The broker's memory alarm: it blocks publishers.
    BrokerAlarm(Duration),
    /// An operator closes all connections to the broker.
    CloseConnections,
    /// An administrator terminates the sessions of one database (`order_service`), or of all.
    TerminateBackends(Option<String>),
    /// Redis answers nothing.
    RedisPause(Duration),
    /// Redis loses all its data.
    RedisFlush,
    /// A message that is no event, published with this routing key.
    PoisonMessage(&'static str, String),
    /// The broker refuses a service one routing key.
    RefuseRoute(Route, Duration),
}

/// A service and one of the routing keys that it publishes to.
pub(crate) type Route = (&'static str, &'static str);

impl Fault {
    /// Kind, for counting.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Kill(_) => "kill -9",
            Self::Terminate(_) => "SIGTERM",
            Self::Pause(..) => "SIGSTOP",
            Self::KillServer(_) => "kill -9 of a server",
            Self::RestartServer(..) => "orderly restart of a server",
            Self::PauseServer(..) => "SIGSTOP of a server",
            Self::DisturbLink(_, fault, _) => match fault {
                LinkFault::None => "no fault",
                LinkFault::Latency(_) => "latency",
                LinkFault::SlowAnswers(_) => "slow answers",
                LinkFault::SlowConnect(_) => "slow connect",
                LinkFault::Cut => "link cut",
                LinkFault::HalfOpen => "half-open link",
                LinkFault::AnswersLost => "answers lost",
                LinkFault::RequestsLost => "requests lost",
            },
            Self::ResetLink(_) => "connection reset",
            Self::BrokerAlarm(_) => "broker alarm",
            Self::CloseConnections => "broker connections closed",
            Self::TerminateBackends(_) => "database sessions terminated",
            Self::RedisPause(_) => "Redis pause",
            Self::RedisFlush => "Redis flush",
            Self::PoisonMessage(..) => "poison message",
            Self::RefuseRoute(..) => "route refused",
        }
    }

    /// The program, server or routing key that does not work meanwhile. A link is its client's: the server goes on with others.
    pub(crate) fn disturbed(&self) -> Option<String> {
        Some(match self {
            Self::Kill(name)
            | Self::Terminate(name)
            | Self::Pause(name, _)
            | Self::DisturbLink(name, ..)
            | Self::ResetLink(name) => program_of(name).to_owned(),
            Self::KillServer(server) | Self::RestartServer(server, _) | Self::PauseServer(server, _) => {
                server.name().to_owned()
            }
            Self::BrokerAlarm(_) | Self::CloseConnections => Server::Rabbitmq.name().to_owned(),
            Self::TerminateBackends(Some(database)) => database.replace('_', "-"),
            Self::TerminateBackends(None) => Server::Postgres.name().to_owned(),
            Self::RefuseRoute((_, key), _) => (*key).to_owned(),
            Self::RedisPause(_) | Self::RedisFlush | Self::PoisonMessage(..) => return None,
        })
    }
}

/// The program of an instance or of a link's client: `order-service` of `order-service-1 → rabbitmq`.
pub(crate) fn program_of(name: &str) -> &str {
    let instance = name.split(" → ").next().unwrap_or(name);
    instance.trim_end_matches(|c: char| c == '-' || c.is_ascii_digit())
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        match self {
            Self::Kill(name) | Self::Terminate(name) | Self::ResetLink(name) => write!(f, " {name}"),
            Self::Pause(name, hold) | Self::DisturbLink(name, _, hold) => write!(f, " {name} {hold:.1?}"),
            Self::KillServer(server) => write!(f, " {}", server.name()),
            Self::RestartServer(server, hold) | Self::PauseServer(server, hold) => {
                write!(f, " {} {hold:.1?}", server.name())
            }
            Self::BrokerAlarm(hold) | Self::RedisPause(hold) => write!(f, " {hold:.1?}"),
            Self::TerminateBackends(database) => write!(f, " {}", database.as_deref().unwrap_or("all")),
            Self::PoisonMessage(key, _) => write!(f, " {key}"),
            Self::RefuseRoute((_, key), hold) => write!(f, " {key} {hold:.1?}"),
            Self::CloseConnections | Self::RedisFlush => Ok(()),
        }
    }
}
