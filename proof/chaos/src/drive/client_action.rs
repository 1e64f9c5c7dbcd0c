//! The execution of one client action.

use super::{account::Account, client::RecordingClient, request::RecordedRequest};
use crate::history::Request;
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
            ClientAction::Rename(name) => self.send(Request::Rename { name }).await.map(drop),
        }
    }

    async fn order(&self, plan: &OrderPlan) -> Result<(), HarnessError> {
        let request = Request::Place {
            key: id::new(),
            items: self.items(&plan.lines),
            payment_method: plan.payment_method.to_owned(),
        };
        let counters = &self.client.counters;
        counters.update(|tally| tally.orders_submitted += 1);
        let placed = self.place(&request, plan.submission).await;
        counters.update(|tally| match placed {
            Ok(_) => tally.orders_accepted += 1,
            Err(_) => tally.orders_refused += 1,
        });
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
    async fn place(&self, request: &Request, submission: Submission) -> Result<Uuid, HarnessError> {
        let answer = match submission {
            Submission::TwiceAtOnce => {
                let twin = RecordedRequest::from(request.clone()).expecting_success_or(409);
                tokio::try_join!(
                    self.send_as(self.customer, &twin, self.seed),
                    self.send_as(self.customer, &twin, !self.seed)
                )?
                .0
            }
            Submission::Once | Submission::RepeatedAfterwards => self.send(request.clone()).await?,
        };
        created(answer)
    }

    async fn repeat(&self, request: &Request, submission: Submission) -> Result<(), HarnessError> {
        if submission == Submission::RepeatedAfterwards {
            self.send(request.clone()).await?;
        }
        Ok(())
    }

    async fn cancel(&self, order: Uuid, after: Option<Duration>) -> Result<(), HarnessError> {
        if let Some(after) = after {
            sleep(after).await;
            self.send(Request::Cancel { order }).await?;
        }
        Ok(())
    }

    async fn read(&self, order: Uuid, read_after: Option<(Read, Duration)>) -> Result<(), HarnessError> {
        let Some((read, after)) = read_after else {
            return Ok(());
        };
        sleep(after).await;
        let path = match read {
            Read::Order => format!("/api/orders/{order}"),
            Read::Timeline => format!("/api/orders/{order}/timeline"),
            Read::Notifications => "/api/notifications".to_owned(),
            Read::Payment => format!("/api/payments/{order}"),
            Read::Products => "/api/products".to_owned(),
        };
        let request = RecordedRequest::from(Request::Read { path });
        let request = if read == Read::Payment {
            request.expecting_success_or(404)
        } else {
            request
        };
        self.send(request).await.map(drop)
    }

    async fn ship(&self, order: Uuid, shipping: Option<Shipping>) -> Result<(), HarnessError> {
        let Some(shipping) = shipping else {
            return Ok(());
        };
        if !self.is_confirmed(order).await? {
            return Ok(());
        }
        let ship = Request::Ship { order }.into();
        let shipped = self.send_as(self.admin, &ship, self.seed).await?;
        if let Some(after) = shipping.deliver_after.filter(|_| shipped.status.is_success()) {
            sleep(after).await;
            let deliver = Request::Deliver { order }.into();
            self.send_as(self.admin, &deliver, self.seed).await?;
        }
        Ok(())
    }

    /// Reads the order until it is confirmed, has ended otherwise, or takes too long.
    async fn is_confirmed(&self, order: Uuid) -> Result<bool, HarnessError> {
        let path = format!("/api/orders/{order}");
        let request = Request::Read { path };
        for _ in 0..WATCHES_MAX {
            sleep(WATCH_INTERVAL).await;
            match self.send(request.clone()).await?.value()["status"].as_str() {
                Some("placed" | "payment_received") => {}
                status => return Ok(status == Some("confirmed")),
            }
        }
        Ok(false)
    }

    async fn send_bad_request(&self, kind: BadRequest) -> Result<(), HarnessError> {
        let key = id::new();
        let items = |quantity| self.items(&[OrderLine { product: 0, quantity }]);
        let place = |items| {
            let payment_method = "pm_ok".to_owned();
            let request = Request::Place {
                key,
                items,
                payment_method,
            };
            RecordedRequest::from(request).expecting_refusal()
        };
        let unknown = Item {
            product: id::new(),
            quantity: 1,
        };
        let request = match kind {
            BadRequest::NoPaymentMethod => RecordedRequest::incomplete_order(Some(key), &items(1), None),
            BadRequest::NoKey => RecordedRequest::incomplete_order(None, &items(1), Some("pm_ok")),
            BadRequest::NoPieces => place(items(0)),
            BadRequest::UnknownProduct => place(vec![unknown]),
        };
        let refused = self.send(request).await;
        self.client.counters.update(|tally| {
            tally.bad_requests += 1;
            tally.bad_requests_not_refused += u64::from(refused.is_err());
        });
        refused.map(drop)
    }

    async fn send(&self, request: impl Into<RecordedRequest>) -> Result<Answer, HarnessError> {
        self.send_as(self.customer, &request.into(), self.seed).await
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
