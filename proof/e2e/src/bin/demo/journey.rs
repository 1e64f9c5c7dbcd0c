//! Shows an order's journey as a table, and the mails that it caused.

use e2e::{admin::Admin, mail, order::Order, platform::Platform, shopper::Shopper, trouble::Trouble};
use std::{
    collections::BTreeMap,
    io::Write,
    time::{Duration, Instant},
};

/// Mails of the five orders: confirmed ×3, failed ×2, cancelled, shipped, delivered, refunded for the cancelled one.
const MAILS_MIN: usize = 9;
const MAIL_PATIENCE: Duration = Duration::from_mins(1);

/// Who plays, and where it is shown.
pub(crate) struct Stage<'a, W> {
    pub(crate) shopper: Shopper,
    pub(crate) admin: Admin,
    platform: &'a Platform,
    out: &'a mut W,
}

impl<'a, W: Write> Stage<'a, W> {
    /// Registers a new customer and logs both in.
    pub(crate) async fn open(platform: &'a Platform, out: &'a mut W) -> Result<Self, Trouble> {
        let shopper = Shopper::register(platform, "Dana Demo").await?;
        let admin = Admin::log_in(platform).await?;
        let mut stage = Self {
            shopper,
            admin,
            platform,
            out,
        };
        let line = format!("registered and logged in: {}", stage.shopper.email);
        stage.line(&line);
        Ok(stage)
    }

    pub(crate) fn title(&mut self, title: &str) {
        self.line("");
        self.line(&format!("== {title}"));
    }

    /// The journey: time since the first event, event, service.
    pub(crate) async fn show(&mut self, order: &Order) -> Result<(), Trouble> {
        let steps = self.shopper.timeline(order.id).await?;
        let start = steps.first().map(|step| step.timestamp);
        self.line(&format!("   order {}", order.id));
        for step in &steps {
            let offset_ms = start.map_or(0, |start| (step.timestamp - start).num_milliseconds());
            self.line(&format!("   {offset_ms:>6} ms  {:<30} {}", step.r#type, step.source));
        }
        let reason = order
            .reason
            .as_deref()
            .map(|reason| format!(" ({reason})"))
            .unwrap_or_default();
        let end = format!(
            "   ended {}{reason}; payment {}, stock {}, compensation {}",
            order.status, order.payment, order.stock, order.compensation
        );
        self.line(&end);
        Ok(())
    }

    /// The mails to the customer, once all are there. A mail that was sent twice is shown once, with its count.
    pub(crate) async fn show_mails(&mut self) -> Result<(), Trouble> {
        self.title(&format!("Mails to {}", self.shopper.email.clone()));
        let started = Instant::now();
        let mails = loop {
            let mut mails: BTreeMap<String, (String, usize)> = BTreeMap::new();
            for mail in mail::to(self.platform, &self.shopper.email).await? {
                mails.entry(mail.message_id).or_insert((mail.subject, 0)).1 += 1;
            }
            if mails.len() >= MAILS_MIN {
                break mails;
            }
            if started.elapsed() > MAIL_PATIENCE {
                let what = format!("{MAILS_MIN} mails; there are {}", mails.len());
                return Err(Trouble::Timeout {
                    what,
                    waited_s: MAIL_PATIENCE.as_secs(),
                });
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        for (subject, times) in mails.values() {
            let repeated = if *times > 1 {
                format!(" (sent {times} times)")
            } else {
                String::new()
            };
            self.line(&format!("   {subject}{repeated}"));
        }
        Ok(())
    }

    pub(crate) fn say_where_to_look(&mut self) {
        self.title("Where to look next");
        let (operators, management, mail) = (&self.platform.operators, &self.platform.management, &self.platform.mail);
        let lines = [
            format!("   breakers, queues, dead letters   {operators}/"),
            format!("   RabbitMQ                         {management}  (user and password: make env)"),
            format!("   mails                            {mail}/"),
            "   processes                        make status".to_owned(),
            "   what one service does            make logs service=order-service".to_owned(),
        ];
        for line in lines {
            self.line(&line);
        }
    }

    /// A closed pipe (`make demo | head`) is no reason to fail.
    fn line(&mut self, text: &str) {
        writeln!(self.out, "{text}").ok();
    }
}
