//! The application of a fault: apply, hold, take back.

use super::{
    cluster::Cluster,
    process::{Process, STOP_LIMIT},
    servers::Servers,
};
use crate::plan::fault::{Fault, Route};
use fault_proxy::LinkFault;
use platform_client::{
    HarnessError,
    poll::{poll, poll_until},
    process::{Signal, send},
};
use serde::{Serialize, Serializer};
use std::time::Duration;
use tokio::time::sleep;

/// Limit for a successor to appear after a process has been ended.
const REPLACEMENT_LIMIT: Duration = Duration::from_secs(40);
const PUBLISH_RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The share of memory at which RabbitMQ raises its alarm by default.
const BROKER_MEMORY_SHARE: f64 = 0.4;

/// A fault, the time of its application, and its visible effect.
#[derive(Debug, Serialize)]
pub(crate) struct AppliedFault {
    /// Time since the start of the run.
    pub(crate) at_ms: u64,
    #[serde(serialize_with = "as_text")]
    pub(crate) fault: Fault,
    /// Time until it was taken back.
    pub(crate) took_ms: u64,
    /// The visible effect, or the reason why it could not be applied.
    pub(crate) effect: Result<String, String>,
}

fn as_text<S: Serializer>(fault: &Fault, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(fault)
}

/// Applies a fault, holds it, and takes it back. Returns its visible effect.
pub(crate) async fn apply_fault(fault: &Fault, cluster: &Cluster) -> Result<String, HarnessError> {
    let servers = &cluster.servers;
    let supervisor = &servers.supervisor;
    match fault {
        Fault::Kill(name) => end(cluster.process(name)?, Signal::Kill).await,
        Fault::Terminate(name) => end(cluster.process(name)?, Signal::Term).await,
        Fault::Pause(name, hold) => pause(&[cluster.process(name)?.running_pid()?], *hold).await,
        Fault::KillServer(server) => {
            supervisor.kill(server.name()).await?;
            Ok("replaced".to_owned())
        }
        Fault::RestartServer(server, downtime) => {
            let stopped = supervisor.stop(server.name()).await;
            sleep(*downtime).await;
            supervisor.start(server.name()).await?;
            stopped.map(|()| "stopped and started".to_owned())
        }
        Fault::PauseServer(server, hold) => pause(&servers.pids(*server).await, *hold).await,
        Fault::DisturbLink(name, fault, hold) => {
            let link = cluster.link(name)?;
            let open = link.open_connections();
            link.set(*fault);
            sleep(*hold).await;
            link.set(LinkFault::None);
            Ok(format!("{open} connections were open"))
        }
        Fault::ResetLink(name) => at_least_one(cluster.link(name)?.reset(), "connections were open"),
        Fault::BrokerAlarm(hold) => raise_alarm(servers, *hold).await,
        Fault::CloseConnections => at_least_one(servers.broker.close_connections(None).await?, "connections closed"),
        Fault::TerminateBackends(database) => {
            let terminated = servers.terminate_backends(database.as_deref()).await?;
            at_least_one(terminated, "sessions terminated")
        }
        Fault::RedisPause(hold) => {
            let milliseconds = hold.as_millis().to_string();
            servers.redis(&["client", "pause", &milliseconds, "all"]).await?;
            sleep(*hold).await;
            Ok("paused".to_owned())
        }
        Fault::RedisFlush => servers.redis(&["flushall"]).await.map(|()| "emptied".to_owned()),
        Fault::PoisonMessage(key, body) => publish(servers, key, body).await,
        Fault::RefuseRoute(route, hold) => refuse(servers, *route, *hold).await,
    }
}

/// Ends a program and waits for its successor.
async fn end(process: &Process, signal: Signal) -> Result<String, HarnessError> {
    let pid = process.running_pid()?;
    process.end(signal);
    if !process.until_not(pid, STOP_LIMIT).await {
        process.end(Signal::Kill);
        let late = format!("{} did not stop within {STOP_LIMIT:?}", process.name);
        return Err(HarnessError::Unexpected(late));
    }
    let exit = process.exits().last().copied();
    let effect = exit.map_or_else(String::new, |exit| match exit.code {
        Some(code) => format!("exit code {code}"),
        None => format!("signal {}", exit.signal.unwrap_or_default()),
    });
    let is_replaced = async || process.pid().is_some_and(|now| now != pid);
    match poll_until(REPLACEMENT_LIMIT, is_replaced).await {
        Some(_) => Ok(effect),
        None => process.running_pid().map(|_| effect),
    }
}

async fn pause(pids: &[u32], hold: Duration) -> Result<String, HarnessError> {
    let paused = pids.iter().filter(|pid| send(**pid, Signal::Stop)).count();
    sleep(hold).await;
    for pid in pids {
        send(*pid, Signal::Cont);
    }
    at_least_one(paused, "processes paused")
}

/// A fault without a target is none.
fn at_least_one(count: usize, what: &str) -> Result<String, HarnessError> {
    let effect = format!("{count} {what}");
    if count == 0 {
        Err(HarnessError::Unexpected(effect))
    } else {
        Ok(effect)
    }
}

async fn raise_alarm(servers: &Servers, hold: Duration) -> Result<String, HarnessError> {
    servers.set_broker_memory_limit(0.0).await?;
    let raised = servers.broker.has_alarm().await;
    sleep(hold).await;
    take_back(async || servers.set_broker_memory_limit(BROKER_MEMORY_SHARE).await.is_ok()).await?;
    if raised? {
        Ok("the alarm was on".to_owned())
    } else {
        Err(HarnessError::unexpected("no alarm was seen"))
    }
}

/// Takes a routing key from a service's permissions. The broker asks for them once for each channel, so the service's
/// connections are closed.
async fn refuse(servers: &Servers, (user, key): Route, hold: Duration) -> Result<String, HarnessError> {
    let broker = &servers.broker;
    let keys = broker.publishable(user).await?;
    let others = format!("(?!{}$){keys}", key.replace('.', "\\."));
    broker.set_publishable(user, &others).await?;
    let closed = broker.close_connections(Some(user)).await;
    sleep(hold).await;
    take_back(async || broker.set_publishable(user, &keys).await.is_ok()).await?;
    at_least_one(closed?, "connections closed")
}

/// Repeats what takes a fault back until it is done: the broker may be down or paused at this moment.
async fn take_back(is_done: impl AsyncFnMut() -> bool) -> Result<(), HarnessError> {
    match poll_until(REPLACEMENT_LIMIT, is_done).await {
        Some(_) => Ok(()),
        None => Err(HarnessError::unexpected("the fault could not be taken back")),
    }
}

/// Publishes until the broker has taken the message; a repetition does no harm.
async fn publish(servers: &Servers, key: &str, body: &str) -> Result<String, HarnessError> {
    let mut refusal = None;
    let routed = poll(REPLACEMENT_LIMIT, PUBLISH_RETRY_INTERVAL, async || {
        let outcome = servers.broker.publish(key, body).await;
        outcome.map_err(|error| refusal = Some(error)).ok()
    });
    match (routed.await, refusal) {
        (Some(true), _) => Ok("routed".to_owned()),
        (None, Some(error)) => Err(error),
        _ => Err(HarnessError::unexpected("it reached no queue")),
    }
}
