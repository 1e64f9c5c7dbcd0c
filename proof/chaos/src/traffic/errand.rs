//! Carries out what the plan decided.

use super::{
    Traffic, TrafficError,
    account::Account,
    call::{Answer, Call, new_id},
    created,
    plan::{Arrival, Errand, Line, Look, Mistake, Sending, Shipping, Wish},
};
use crate::history::Item;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// How often somebody looks whether an order is confirmed, and how many times.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
const WATCHES_MAX: u32 = 20;

/// One customer on one errand.
struct Visit<'a> {
    traffic: &'a Traffic,
    customer: &'a Account,
    seed: u64,
}

/// From the first request to the last answer.
pub(super) async fn carry_out(traffic: &Traffic, arrived: Arrival) -> Result<(), TrafficError> {
    let visit = Visit {
        traffic,
        customer: &traffic.customers[arrived.customer],
        seed: arrived.seed,
    };
    match arrived.errand {
        Errand::Order(wish) => visit.order(&wish).await,
        Errand::Mistake(mistake) => visit.make(mistake).await,
        Errand::Rename(name) => visit.ask(&Call::rename(name)).await.map(drop),
    }
}

impl Visit<'_> {
    async fn order(&self, wish: &Wish) -> Result<(), TrafficError> {
        let call = Call::place(new_id(), self.items(&wish.lines), wish.payment_method);
        let counters = &self.traffic.client.counters;
        counters.order_asked();
        let placed = self.place(&call, wish.sending).await;
        counters.order_settled(placed.is_ok());
        let order = placed?;
        // At the same time, so that they meet each other and the saga.
        tokio::try_join!(
            self.ask_again(&call, wish.sending),
            self.cancel(order, wish.cancel_after),
            self.look(order, wish.look_after),
            self.ship(order, wish.shipping),
        )?;
        Ok(())
    }

    /// The id of the order.
    async fn place(&self, call: &Call, sending: Sending) -> Result<Uuid, TrafficError> {
        let answer = match sending {
            Sending::TwiceAtOnce => {
                let twin = call.clone().beside_its_twin();
                let seeds = (self.seed, !self.seed);
                tokio::try_join!(
                    self.ask_as(self.customer, &twin, seeds.0),
                    self.ask_as(self.customer, &twin, seeds.1)
                )?
                .0
            }
            Sending::Once | Sending::AgainAfterwards => self.ask(call).await?,
        };
        created(&answer, "placing an order")
    }

    async fn ask_again(&self, call: &Call, sending: Sending) -> Result<(), TrafficError> {
        if sending == Sending::AgainAfterwards {
            self.ask(call).await?;
        }
        Ok(())
    }

    async fn cancel(&self, order: Uuid, after: Option<Duration>) -> Result<(), TrafficError> {
        if let Some(after) = after {
            sleep(after).await;
            self.ask(&Call::cancel(order)).await?;
        }
        Ok(())
    }

    async fn look(&self, order: Uuid, look_after: Option<(Look, Duration)>) -> Result<(), TrafficError> {
        let Some((look, after)) = look_after else {
            return Ok(());
        };
        sleep(after).await;
        let call = match look {
            Look::Order => Call::read(format!("/api/orders/{order}")),
            Look::Timeline => Call::read(format!("/api/orders/{order}/timeline")),
            Look::Notifications => Call::read("/api/notifications".to_owned()),
            Look::Payment => Call::read_payment(order),
            Look::Products => Call::read("/api/products".to_owned()),
        };
        self.ask(&call).await.map(drop)
    }

    async fn ship(&self, order: Uuid, shipping: Option<Shipping>) -> Result<(), TrafficError> {
        let Some(shipping) = shipping else {
            return Ok(());
        };
        if !self.sees_confirmed(order).await? {
            return Ok(());
        }
        let admin = &self.traffic.admin;
        let shipped = self.ask_as(admin, &Call::ship(order), self.seed).await?;
        if let Some(after) = shipping.deliver_after.filter(|_| shipped.is_success()) {
            sleep(after).await;
            self.ask_as(admin, &Call::deliver(order), self.seed).await?;
        }
        Ok(())
    }

    /// Looks at the order until it is confirmed, has ended otherwise, or takes too long.
    async fn sees_confirmed(&self, order: Uuid) -> Result<bool, TrafficError> {
        let call = Call::read(format!("/api/orders/{order}"));
        for _ in 0..WATCHES_MAX {
            sleep(WATCH_INTERVAL).await;
            match self.ask(&call).await?.value()["status"].as_str() {
                Some("placed" | "payment_received") => {}
                status => return Ok(status == Some("confirmed")),
            }
        }
        Ok(false)
    }

    async fn make(&self, mistake: Mistake) -> Result<(), TrafficError> {
        let key = new_id();
        let items = |quantity| self.items(&[Line { ware: 0, quantity }]);
        let call = match mistake {
            Mistake::NoPaymentMethod => Call::incomplete_place(Some(key), &items(1), None),
            Mistake::NoKey => Call::incomplete_place(None, &items(1), Some("pm_ok")),
            Mistake::NoPieces => Call::place(key, items(0), "pm_ok").mistaken(),
            Mistake::UnknownProduct => {
                let nothing = Item {
                    product: new_id(),
                    quantity: 1,
                };
                Call::place(key, vec![nothing], "pm_ok").mistaken()
            }
        };
        let refused = self.ask(&call).await;
        self.traffic.client.counters.mistake_settled(refused.is_err());
        refused.map(drop)
    }

    async fn ask(&self, call: &Call) -> Result<Answer, TrafficError> {
        self.ask_as(self.customer, call, self.seed).await
    }

    /// Asks until there is a definite answer. One that a platform without faults would not give ends the errand.
    async fn ask_as(&self, who: &Account, call: &Call, seed: u64) -> Result<Answer, TrafficError> {
        let answer = self.traffic.client.settle(who, call, seed).await?;
        if !call.is_answered_well(answer.status) {
            return Err(answer.refusal(&format!("{} {}", call.method, call.path)));
        }
        Ok(answer)
    }

    fn items(&self, lines: &[Line]) -> Vec<Item> {
        let item = |line: &Line| Item {
            product: self.traffic.products[line.ware],
            quantity: line.quantity,
        };
        lines.iter().map(item).collect()
    }
}
