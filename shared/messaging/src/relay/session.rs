//! One session of the relay: from becoming a member with an open channel to the first error, or to the stop.
//!
//! Everything runs in one task: publishing, confirms, trials, marking and the turns on the locks' session overlap, and none of
//! them sees the state of another half done.

mod publishing;
mod reading;

use super::{
    error::RelayError,
    fates::Fates,
    message::{Completion, open},
    pass::Pass,
    peers,
    routes::{Route, Routes},
    shards::Shards,
    state::RelayState,
    table,
    trial::Trial,
    turn::{Answer, Request},
    window::Window,
};
use crate::{
    broker::{Broker, BrokerError},
    outbox,
};
use database::{Database, Signal, with_timeout};
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use kernel::{chain, failpoint};
use lapin::Channel;
use std::{future::pending, sync::Arc, time::Duration};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// Interval at which the outbox is polled without a signal, and members and held rows are looked at.
const TICK: Duration = Duration::from_millis(500);
const MARK_TIMEOUT: Duration = Duration::from_secs(5);
const MARK_RETRY_DELAY: Duration = Duration::from_millis(200);
/// Limit for publishing, at the stop, what was committed before it. The rest is left to the other instances, or to the next
/// start. Shorter than the service's own limit by the time for the last confirms and their marking.
const LAST_PASS_MAX: Duration = Duration::from_secs(1);
/// While confirms come in, rows are marked at this interval: one statement for many rows costs half as much as many for few.
const MARK_INTERVAL: Duration = Duration::from_millis(20);

/// A member at work.
pub(super) struct Session {
    database: Database,
    broker: Broker,
    state: Arc<RelayState>,
    channel: Channel,
    trial_channel: Option<Channel>,
    window: Window,
    fates: Fates,
    routes: Routes,
    pass: Pass,
    request: Request,
    woken: bool,
    /// When the last pass began, after which nothing new is looked for.
    last_pass: Option<Instant>,
    /// Rows confirmed and not marked yet: id and shard.
    confirmed: Vec<(i64, i32)>,
    mark_began: Instant,
    /// Delay of the next marking, after one that failed.
    mark_delay: Duration,
    progress: Instant,
    shards: Option<Shards>,
    in_flight: FuturesUnordered<BoxFuture<'static, Completion>>,
    /// A new channel, in place of one that the broker has closed.
    opening: Option<BoxFuture<'static, Result<Channel, BrokerError>>>,
    trial: Option<BoxFuture<'static, Trial>>,
    turn: Option<BoxFuture<'static, (Shards, Result<Answer, sqlx::Error>)>>,
    marking: Option<BoxFuture<'static, Marked>>,
}

type Marked = (Vec<(i64, i32)>, Result<(), sqlx::Error>);

/// What a session waits for.
#[expect(clippy::large_enum_variant, reason = "one lives at a time, on the stack")]
enum Happening {
    Turned(Shards, Result<Answer, sqlx::Error>),
    Marked(Marked),
    Opened(Result<Channel, BrokerError>),
    Tried(Trial),
    Completed(Completion),
    Woken,
    Tick,
}

/// The signals that wake a session.
struct Wakes {
    commits: Signal,
    peers: Signal,
    tick: Interval,
}

impl Session {
    /// Opens a channel, then becomes a member. `None` if `stop` comes first, or another release publishes.
    pub(super) async fn begin(
        database: &Database,
        broker: &Broker,
        state: &Arc<RelayState>,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, RelayError> {
        let channel = open(broker).await?;
        let Some(mut shards) = Shards::join(database, stop).await? else {
            return Ok(None);
        };
        let mut routes = Routes::default();
        for route in with_timeout(table::refused(shards.connection())).await? {
            routes.add_refused(
                Route {
                    exchange: route.exchange,
                    routing_key: route.routing_key,
                },
                u32::try_from(route.refusals).unwrap_or_default(),
                Duration::from_secs_f64(route.retry_after_s),
            );
        }
        Ok(Some(Self {
            database: database.clone(),
            broker: broker.clone(),
            state: Arc::clone(state),
            channel,
            trial_channel: None,
            window: Window::default(),
            fates: Fates::default(),
            routes,
            pass: Pass::new(),
            request: Request::default(),
            woken: true,
            last_pass: None,
            confirmed: Vec::new(),
            mark_began: Instant::now(),
            mark_delay: Duration::ZERO,
            progress: Instant::now(),
            shards: Some(shards),
            in_flight: FuturesUnordered::new(),
            opening: None,
            trial: None,
            turn: None,
            marking: None,
        }))
    }

    /// Publishes until an error, or until `stop` and then what was committed before it.
    pub(super) async fn run(mut self, stop: &CancellationToken) -> Result<(), RelayError> {
        let outcome = self.work(stop).await;
        self.state.left();
        // What is confirmed is marked in any case, so that the next owner of the shard does not publish it again.
        if let Some(marking) = self.marking.take()
            && let Ok((rows, Err(_))) = timeout(MARK_TIMEOUT, marking).await
        {
            self.confirmed.extend(rows);
        }
        if !self.confirmed.is_empty() {
            let rows = std::mem::take(&mut self.confirmed);
            let marking = mark(self.database.clone(), rows, Duration::ZERO);
            timeout(MARK_TIMEOUT, marking).await.ok();
        }
        outcome
    }

    async fn work(&mut self, stop: &CancellationToken) -> Result<(), RelayError> {
        let mut wakes = Wakes {
            commits: self.database.signals().subscribe(outbox::TOPIC),
            peers: self.database.signals().subscribe(peers::TOPIC),
            tick: interval(TICK),
        };
        wakes.tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if stop.is_cancelled() && self.last_pass.is_none() {
                self.woken = true;
                self.last_pass = Some(Instant::now());
            }
            self.begin_work();
            if self.last_pass.is_some() && self.is_idle() {
                return Ok(());
            }
            let is_last = self.last_pass.is_some();
            let happening = tokio::select! {
                happening = self.next(&mut wakes) => happening,
                () = stop.cancelled(), if !is_last => continue,
            };
            self.handle(happening, &mut wakes)?;
        }
    }

    fn is_idle(&self) -> bool {
        let is_still = self.turn.is_none() && self.trial.is_none() && self.marking.is_none();
        is_still && !self.woken && !self.pass.is_under_way() && self.window.is_empty()
    }

    /// Starts whatever may start now. Nothing is awaited here: what is under way advances only in [`Self::next`], and may hold
    /// what would be waited for.
    fn begin_work(&mut self) {
        self.start_opening();
        self.fill();
        self.start_trial();
        self.start_marking();
        self.start_turn();
    }

    fn start_opening(&mut self) {
        if self.opening.is_none() && self.in_flight.is_empty() && !self.channel.status().connected() {
            self.progress = Instant::now();
            let broker = self.broker.clone();
            self.opening = Some(Box::pin(async move { open(&broker).await }));
        }
    }

    fn start_marking(&mut self) {
        let is_time = self.in_flight.is_empty() || self.mark_began.elapsed() >= MARK_INTERVAL;
        if self.marking.is_none() && !self.confirmed.is_empty() && is_time {
            self.mark_began = Instant::now();
            failpoint::crash("relay-before-mark");
            let rows = std::mem::take(&mut self.confirmed);
            self.marking = Some(mark(self.database.clone(), rows, self.mark_delay));
        }
    }

    fn marked(&mut self, (rows, outcome): Marked) {
        match outcome {
            Ok(()) => {
                metrics::counter!("outbox_published_total").increment(rows.len() as u64);
                self.window.marked(&rows);
                self.mark_delay = Duration::ZERO;
            }
            // If the database is away, the next turn ends the session; if only the pool is exhausted, it goes on.
            Err(error) => {
                tracing::warn!(
                    dependency = "postgres",
                    error = chain(&error),
                    "Cannot mark published events yet"
                );
                self.confirmed.extend(rows);
                self.mark_delay = MARK_RETRY_DELAY;
            }
        }
    }

    /// Waits for what comes first. Cancelling it loses nothing.
    async fn next(&mut self, wakes: &mut Wakes) -> Happening {
        tokio::select! {
            (shards, answer) = done(&mut self.turn) => Happening::Turned(shards, answer),
            marked = done(&mut self.marking) => Happening::Marked(marked),
            opened = done(&mut self.opening) => Happening::Opened(opened),
            trial = done(&mut self.trial) => Happening::Tried(trial),
            Some(completion) = self.in_flight.next() => Happening::Completed(completion),
            () = wakes.commits.notified() => Happening::Woken,
            () = wakes.peers.notified() => Happening::Woken,
            _ = wakes.tick.tick() => Happening::Tick,
        }
    }

    fn handle(&mut self, happening: Happening, wakes: &mut Wakes) -> Result<(), RelayError> {
        match happening {
            Happening::Turned(shards, answer) => self.turned(shards, answer?),
            Happening::Marked(marked) => self.marked(marked),
            Happening::Opened(channel) => self.channel = channel?,
            Happening::Tried(trial) => self.tried(trial)?,
            Happening::Completed(completion) => self.completed(completion)?,
            Happening::Woken => {
                wakes.commits.clear();
                wakes.peers.clear();
                // Others commit for ever: after the stop, that is for those who go on.
                self.woken |= self.last_pass.is_none();
            }
            Happening::Tick => {
                self.check_progress()?;
                match self.last_pass {
                    None => self.tick(),
                    Some(began) if began.elapsed() > LAST_PASS_MAX => self.leave_the_rest(),
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }
}

/// Waits for the future in the slot, and empties it; without one, for ever.
async fn done<T>(slot: &mut Option<BoxFuture<'static, T>>) -> T {
    let Some(future) = slot else { return pending().await };
    let done = future.await;
    *slot = None;
    done
}

fn mark(database: Database, rows: Vec<(i64, i32)>, delay: Duration) -> BoxFuture<'static, Marked> {
    Box::pin(async move {
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let ids: Vec<i64> = rows.iter().map(|(id, _)| *id).collect();
        let marked = async {
            let mut connection = database.acquire().await?;
            with_timeout(table::mark_published(&mut connection, &ids)).await
        };
        let marked = marked.await;
        (rows, marked)
    })
}
