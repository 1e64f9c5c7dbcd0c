//! The gateway beside nginx as a bare reverse proxy: the same upstream, the same requests of the same client.

mod front;
mod load;
mod upstream;
mod users;

use crate::report::{Outcome, line, median};
use front::Front;
use load::Load;
use std::{net::SocketAddr, time::Duration};

/// Connections, each of a customer with a token of their own.
const CONNECTIONS: u32 = 50;
/// Rate of the paced load: that of a customer at the rate limit, times the connections.
const RATE_PER_S: u32 = 500;
const WARM_UP: Duration = Duration::from_secs(1);

/// One way to the upstream, and what was measured on it in each round.
struct Way {
    name: &'static str,
    address: SocketAddr,
    front: Option<Front>,
    busy_us: Vec<f64>,
    paced_us: Vec<f64>,
    p50_us: Vec<f64>,
    p99_us: Vec<f64>,
}

/// Measures all ways in turn, so that each round sees the same machine; first without access logs, then with them.
pub(crate) async fn compare(duration: Duration, rounds: usize) -> Outcome<()> {
    let upstream = upstream::start().await?;
    let requests = users::requests(CONNECTIONS).await?;
    for access_log in [false, true] {
        let mut ways = [
            Way::new("straight to the upstream", upstream, None),
            Way::through("nginx", Front::nginx(upstream, access_log).await?),
            Way::through("gateway", Front::gateway(upstream, access_log).await?),
        ];
        for _ in 0..rounds {
            for way in &mut ways {
                way.measure(&requests, duration).await?;
            }
        }
        report(&ways, access_log);
    }
    Ok(())
}

impl Way {
    fn through(name: &'static str, front: Front) -> Self {
        Self::new(name, front.address, Some(front))
    }

    fn new(name: &'static str, address: SocketAddr, front: Option<Front>) -> Self {
        Self {
            name,
            address,
            front,
            busy_us: Vec::new(),
            paced_us: Vec::new(),
            p50_us: Vec::new(),
            p99_us: Vec::new(),
        }
    }

    async fn measure(&mut self, requests: &[String], duration: Duration) -> Outcome<()> {
        Load::busy(WARM_UP).run(self.address, requests).await?;
        let (busy_us, _) = self.cost(requests, Load::busy(duration)).await?;
        let (paced_us, latencies_us) = self.cost(requests, Load::paced(duration, RATE_PER_S)).await?;
        self.busy_us.push(busy_us);
        self.paced_us.push(paced_us);
        self.p50_us.push(latencies_us[latencies_us.len() / 2]);
        self.p99_us.push(latencies_us[latencies_us.len() * 99 / 100]);
        Ok(())
    }

    /// Returns the processor time of the process in front for each request, and the sorted latencies, in microseconds.
    async fn cost(&self, requests: &[String], load: Load) -> Outcome<(f64, Vec<f64>)> {
        let spent_us = || self.front.as_ref().map_or(Ok(0.0), Front::processor_time_us);
        let before_us = spent_us()?;
        let mut latencies_us = load.run(self.address, requests).await?;
        let spent_us = spent_us()? - before_us;
        latencies_us.sort_by(f64::total_cmp);
        Ok((spent_us / f64::from(u32::try_from(latencies_us.len())?), latencies_us))
    }
}

fn report(ways: &[Way; 3], access_log: bool) {
    let log = if access_log { "with" } else { "without" };
    line(&format!(
        "{log} an access log; processor time per request, and latency over the straight way at {RATE_PER_S}/s"
    ));
    let of = |figures: &Vec<f64>| median(figures.clone());
    let [straight, nginx, _] = ways;
    for way in &ways[1..] {
        let (busy_us, paced_us) = (of(&way.busy_us), of(&way.paced_us));
        line(&format!(
            "{:<8} busy {busy_us:>6.1} µs {:>5.2}; at {RATE_PER_S}/s {paced_us:>6.1} µs {:>5.2}; p50 +{:.0} µs, p99 +{:.0} µs",
            way.name,
            busy_us / of(&nginx.busy_us),
            paced_us / of(&nginx.paced_us),
            of(&way.p50_us) - of(&straight.p50_us),
            of(&way.p99_us) - of(&straight.p99_us),
        ));
    }
}
