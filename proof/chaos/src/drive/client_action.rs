//! The execution of one client action.

use super::{account::Account, client::RecordingClient, request::RecordedRequest};
use crate::plan::workload::{BadRequest, ClientAction, OrderLine, OrderPlan, Read, Shipping, Submission};
use platform_client::{HarnessError, answer::Answer, api::Item, id};
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// Interval and number of looks whether an order is confirmed.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
const WATCHES_MAX: u32 = 20;

/// One customer's action and all that it needs.
pub(super) struct ActionRun<'a> {
    pub(super) client: &'a RecordingClient,
    pub(super) customer: &'a Account,
    pub(super) admin: &'a Account,
    /// Ids of the catalogue's products.
    pub(super) products: &'a [Uuid],
    pub(super) seed: u64,
}

impl ActionRun<'_> {
    /// Runs from the first request to the last answer.
    pub(super) async fn run(self, action: ClientAction) -> Result<(), HarnessError> {
        match action {
            ClientAction::Order(order) => self.order(&order).await,
            ClientAction::BadRequest(kind) => self.send_bad_request(kind).await,
            ClientAction::Rename(name) => self.send(&RecordedRequest::rename(name)).await.map(drop),
        }
    }

    async fn order(&self, plan: &OrderPlan) -> Result<(), HarnessError> {
        let request = RecordedRequest::place(id::new(), self.items(&plan.lines), plan.payment_method);
        let counters = &self.client.counters;
        counters.count_submitted_order();
        let placed = self.place(&request, plan.submission).await;
        counters.count_answered_order(placed.is_ok());
        let order = placed?;
        // Concurrently, so that they meet each other and the saga.
        tokio::try_join!(
            self.repeat(&request, plan.submission),
            self.cancel(order, plan.cancel_after),
            self.read(order, plan.read_after),
            self.ship(order, plan.shipping),
        )?;
        Ok(())
    }

    /// Places the order and returns its id.
    async fn place(&self, request: &RecordedRequest, submission: Submission) -> Result<Uuid, HarnessError> {
        let answer = match submission {
            Submission::TwiceAtOnce => {
                let twin = request.clone().beside_twin();
                tokio::try_join!(
                    self.send_as(self.customer, &twin, self.seed),
                    self.send_as(self.customer, &twin, !self.seed)
                )?
                .0
            }
            Submission::Once | Submission::RepeatedAfterwards => self.send(request).await?,
        };
        created(answer)
    }

    async fn repeat(&self, request: &RecordedRequest, submission: Submission) -> Result<(), HarnessError> {
        if submission == Submission::RepeatedAfterwards {
            self.send(request).await?;
        }
        Ok(())
    }

    async fn cancel(&self, order: Uuid, after: Option<Duration>) -> Result<(), HarnessError> {
        if let Some(after) = after {
            sleep(after).await;
            self.send(&RecordedRequest::cancel(order)).await?;
        }
        Ok(())
    }

    async fn read(&self, order: Uuid, read_after: Option<(Read, Duration)>) -> Result<(), HarnessError> {
        let Some((read, after)) = read_after else {
            return Ok(());
        };
        sleep(after).await;
        let request = match read {
            Read::Order => RecordedRequest::read(format!("/api/orders/{order}")),
            Read::Timeline => RecordedRequest::read(format!("/api/orders/{order}/timeline")),
            Read::Notifications => RecordedRequest::read("/api/notifications"),
            Read::Payment => RecordedRequest::read_payment(order),
            Read::Products => RecordedRequest::read("/api/products"),
        };
        self.send(&request).await.map(drop)
    }

    async fn ship(&self, order: Uuid, shipping: Option<Shipping>) -> Result<(), HarnessError> {
        let Some(shipping) = shipping else {
            return Ok(());
        };
        if !self.is_confirmed(order).await? {
            return Ok(());
        }
        let ship = RecordedRequest::ship(order);
        let shipped = self.send_as(self.admin, &ship, self.seed).await?;
        if let Some(after) = shipping.deliver_after.filter(|_| shipped.status.is_success()) {
            sleep(after).await;
            let deliver = RecordedRequest::deliver(order);
            self.send_as(self.admin, &deliver, self.seed).await?;
        }
        Ok(())
    }

    /// Reads the order until it is confirmed, has ended otherwise, or takes too long.
    async fn is_confirmed(&self, order: Uuid) -> Result<bool, HarnessError> {
        let request = RecordedRequest::read(format!("/api/orders/{order}"));
        for _ in 0..WATCHES_MAX {
            sleep(WATCH_INTERVAL).await;
            match self.send(&request).await?.value()["status"].as_str() {
                Some("placed" | "payment_received") => {}
                status => return Ok(status == Some("confirmed")),
            }
        }
        Ok(false)
    }

    async fn send_bad_request(&self, kind: BadRequest) -> Result<(), HarnessError> {
        let key = id::new();
        let items = |quantity| self.items(&[OrderLine { product: 0, quantity }]);
        let request = match kind {
            BadRequest::NoPaymentMethod => RecordedRequest::incomplete_place(Some(key), &items(1), None),
            BadRequest::NoKey => RecordedRequest::incomplete_place(None, &items(1), Some("pm_ok")),
            BadRequest::NoPieces => RecordedRequest::place(key, items(0), "pm_ok").as_bad_request(),
            BadRequest::UnknownProduct => {
                let product = id::new();
                RecordedRequest::place(key, vec![Item { product, quantity: 1 }], "pm_ok").as_bad_request()
            }
        };
        let refused = self.send(&request).await;
        self.client.counters.count_bad_request(refused.is_ok());
        refused.map(drop)
    }

    async fn send(&self, request: &RecordedRequest) -> Result<Answer, HarnessError> {
        self.send_as(self.customer, request, self.seed).await
    }

    /// Sends until there is a definite answer. One that a platform without faults would not give ends the action.
    async fn send_as(&self, account: &Account, request: &RecordedRequest, seed: u64) -> Result<Answer, HarnessError> {
        let answer = account.send(self.client, request, seed).await?;
        if !request.expects(answer.status.as_u16()) {
            return Err(answer.refusal());
        }
        Ok(answer)
    }

    fn items(&self, lines: &[OrderLine]) -> Vec<Item> {
        let item = |line: &OrderLine| Item {
            product: self.products[line.product],
            quantity: line.quantity,
        };
        lines.iter().map(item).collect()
    }
}

/// The id of the resource that a successful answer describes.
pub(super) fn created(answer: Answer) -> Result<Uuid, HarnessError> {
    let id = answer.id().filter(|_| answer.status.is_success());
    id.ok_or_else(|| answer.refusal())
}
