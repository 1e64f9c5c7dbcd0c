//! Situations in which events overtake each other or answers come late.

use crate::{
    plan::fault::{Fault, Server},
    run::RunContext,
};
use fault_proxy::LinkFault;
use platform_client::{HarnessError, poll::poll_until};
use std::{path::Path, time::Duration};
use tokio::time::sleep;

/// Publishers for as long as orders flow.
pub(crate) const PUBLISHERS: [&str; 3] = ["order-service", "product-service", "payment-service"];
/// The measure in the report.
pub(crate) const FORCED: &str =
    "events delayed, a route refused, charges lost, participants paused, publishers killed during a broker alarm";
/// Single events of each participant that take the way through a retry queue. About every tenth order ends within that time.
const DELAYED_EVENTS: usize = 60;
/// Time for which charges are lost: orders that are placed meanwhile end by their deadline (45 s), and what is charged
/// afterwards cannot have been on its way then.
const CHARGES_LOST: Duration = Duration::from_mins(2);
/// Beyond the 20 s in which the closing of its connections may explain that the service publishes nothing.
const ROUTE_REFUSED: Duration = Duration::from_secs(45);
const EVENT_LIMIT: Duration = Duration::from_secs(20);

/// Forces them all, one after the other.
pub(crate) async fn force(context: &RunContext<'_>, folder: &Path) -> Result<(), HarnessError> {
    let refusal = Fault::RefuseRoute(("order-service", "order.confirmed"), ROUTE_REFUSED);
    let (delayed, _) = tokio::join!(delay_events(folder), context.inject(refusal));
    delayed?;
    lose_charges(context).await;
    pause_and_kill(context).await;
    Ok(())
}

/// Loses all that is sent to the provider, for longer than an order waits.
async fn lose_charges(context: &RunContext<'_>) {
    let lost = |link: &str| Fault::DisturbLink(link.to_owned(), LinkFault::RequestsLost, CHARGES_LOST);
    let (first, second) = (
        lost("payment-service-1 → provider"),
        lost("payment-service-2 → provider"),
    );
    drop(tokio::join!(context.inject(first), context.inject(second)));
}

/// Sends single events of the participants through a retry queue, so that the last event of an order comes before its first.
async fn delay_events(folder: &Path) -> Result<(), HarnessError> {
    for service in ["product-service", "payment-service"] {
        for _ in 0..DELAYED_EVENTS {
            let file = folder.join(format!("consumer-transient@{service}"));
            std::fs::write(&file, "")?;
            poll_until(EVENT_LIMIT, async || !file.exists()).await;
        }
    }
    Ok(())
}

/// Pauses participants, so that answers come late, and kills publishers during a broker alarm.
async fn pause_and_kill(context: &RunContext<'_>) {
    let hold = Duration::from_secs(8);
    for paused in ["product-service-1", "payment-service-1", "sandbox-provider"] {
        context.inject(Fault::Pause(paused.to_owned(), hold)).await.ok();
        sleep(Duration::from_secs(2)).await;
    }
    // An event that a publisher took for published while the broker accepted none is lost with it.
    let alarm = Fault::BrokerAlarm(hold);
    let kills = async {
        sleep(hold / 2).await;
        for publisher in PUBLISHERS {
            for instance in 1..=2 {
                context
                    .inject(Fault::Kill(format!("{publisher}-{instance}")))
                    .await
                    .ok();
            }
        }
    };
    tokio::join!(async { context.inject(alarm).await.ok() }, kills);
    context.inject(Fault::KillServer(Server::Rabbitmq)).await.ok();
}
