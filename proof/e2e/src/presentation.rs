//! The output of the demo: an order's timeline as a table, and the mails.

use platform_client::{
    HarnessError, admin::Admin, client::TestClient, mail, order::Order, platform::Platform, poll::poll,
};
use std::{collections::BTreeMap, io::Write, time::Duration};

/// Mails of the five orders: confirmed ×3, failed ×2, cancelled, shipped, delivered, refunded for the cancelled one.
const MAILS_MIN: usize = 9;
const MAILS_LIMIT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A customer, the administrator, and the output.
pub(crate) struct Demo<'a, W> {
    pub(crate) customer: TestClient,
    pub(crate) admin: Admin,
    platform: Platform,
    out: &'a mut W,
}

impl<'a, W: Write> Demo<'a, W> {
    /// Registers a new customer and logs both in.
    pub(crate) async fn start(platform: Platform, out: &'a mut W) -> Result<Self, HarnessError> {
        let mut demo = Self {
            customer: TestClient::register(&platform, "Dana Demo").await?,
            admin: Admin::log_in(&platform).await?,
            platform,
            out,
        };
        let line = format!("registered and logged in: {}", demo.customer.email);
        demo.line(&line);
        Ok(demo)
    }

    pub(crate) fn title(&mut self, title: &str) {
        self.line("");
        self.line(&format!("== {title}"));
    }

    /// Shows the timeline: time since the first event, event, service.
    pub(crate) async fn show(&mut self, order: &Order) -> Result<(), HarnessError> {
        let events = self.customer.timeline(order.id).await?;
        let start = events.first().map(|event| event.timestamp);
        self.line(&format!("   order {}", order.id));
        for event in &events {
            let offset_ms = start.map_or(0, |start| (event.timestamp - start).num_milliseconds());
            self.line(&format!("   {offset_ms:>6} ms  {:<30} {}", event.r#type, event.source));
        }
        let reason = order.reason.as_deref().map(|reason| format!(" ({reason})"));
        let end = format!(
            "   ended {}{}; payment {}, stock {}, compensation {}",
            order.status,
            reason.unwrap_or_default(),
            order.payment,
            order.stock,
            order.compensation
        );
        self.line(&end);
        Ok(())
    }

    /// Shows the mails to the customer, once all have arrived. A repeated mail is shown once, with its count.
    pub(crate) async fn show_mails(&mut self) -> Result<(), HarnessError> {
        let address = self.customer.email.clone();
        self.title(&format!("Mails to {address}"));
        let mut mails: BTreeMap<String, (String, usize)> = BTreeMap::new();
        let arrived = poll(MAILS_LIMIT, POLL_INTERVAL, async || {
            match mail::received_by(&self.platform, &address).await {
                Ok(received) => {
                    mails.clear();
                    for mail in received {
                        mails.entry(mail.message_id).or_insert((mail.subject, 0)).1 += 1;
                    }
                    (mails.len() >= MAILS_MIN).then_some(Ok(()))
                }
                Err(error) => Some(Err(error)),
            }
        });
        arrived.await.unwrap_or_else(|| {
            Err(HarnessError::Timeout {
                condition: format!("{MAILS_MIN} mails; there are {}", mails.len()),
                limit: MAILS_LIMIT,
            })
        })?;
        for (subject, times) in mails.into_values() {
            let repeated = (times > 1).then(|| format!(" (sent {times} times)"));
            self.line(&format!("   {subject}{}", repeated.unwrap_or_default()));
        }
        Ok(())
    }

    pub(crate) fn show_addresses(&mut self) -> Result<(), HarnessError> {
        self.title("Where to look next");
        let environment = self.platform.environment.clone();
        let operators = environment.get("OPERATORS_URL")?;
        let management = environment.get("RABBITMQ_MANAGEMENT_URL")?;
        let mail = environment.get("MAIL_URL")?;
        for line in [
            &format!("breakers, queues, dead letters   {operators}/"),
            &format!("RabbitMQ                         {management}  (user and password: make env)"),
            &format!("mails                            {mail}/"),
            "processes                        make status",
            "logs of one service              make logs service=order-service",
        ] {
            self.line(&format!("   {line}"));
        }
        Ok(())
    }

    /// A closed pipe (`make demo | head`) is no reason to fail.
    fn line(&mut self, text: &str) {
        writeln!(self.out, "{text}").ok();
    }
}
