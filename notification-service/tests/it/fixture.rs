//! The service under test, its mail server, and the events of the other services.
//!
//! The tests run on two threads: while one waits for the virtual host to be deleted, the other answers the broker, which
//! closes the connections first.

use crate::mail_server::MailServer;
use fault_proxy::Link;
use kernel::id;
use messaging::Envelope;
use notification_service::{Config, MIGRATOR, assemble};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};
use testkit::{EventProbe, TestEnv, TestService, eventually};
use uuid::Uuid;
use web::identity::Role;

/// The service and its surroundings.
pub(crate) struct Fixture {
    pub(crate) service: TestService,
    pub(crate) mails: MailServer,
    pub(crate) probe: EventProbe,
    sequence: AtomicI64,
    // Dropped last, since it deletes the database and the virtual host.
    pub(crate) env: TestEnv,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let mails = MailServer::start().await;
        let smtp_url = mails.smtp_url();
        Self::with_mail_server(mails, &smtp_url).await
    }

    /// Starts the service with a link to the mail server.
    pub(crate) async fn behind_link() -> (Self, Link) {
        let mails = MailServer::start().await;
        let (link, through) = Link::in_front_of(&mails.smtp_url()).await.unwrap();
        (Self::with_mail_server(mails, &through).await, link)
    }

    async fn with_mail_server(mails: MailServer, smtp_url: &str) -> Self {
        let env = TestEnv::new(&["notification-queue"]).await;
        let probe = env.events().await;
        let service = start(&env, smtp_url).await;
        Self {
            env,
            probe,
            mails,
            service,
            sequence: AtomicI64::new(0),
        }
    }

    /// Starts another instance of the service.
    pub(crate) async fn start_second(&self) -> TestService {
        start(&self.env, &self.mails.smtp_url()).await
    }

    /// Creates a user whose registration is published.
    pub(crate) async fn register_user(&self) -> User {
        let user = User::new();
        self.publish(&user.registered(1)).await;
        user
    }

    /// Publishes an event as order-service would.
    pub(crate) async fn publish_order_event(&self, event_type: &str, order_id: Uuid, user: &User) -> Envelope {
        let status = event_type.trim_start_matches("order.");
        let event = self.event(
            "order-service",
            event_type,
            order_id,
            &json!({
                "orderId": order_id, "userId": user.id, "status": status, "reason": "payment_declined",
                "totalMinor": 5998, "currency": "USD",
            }),
        );
        self.publish(&event).await;
        event
    }

    /// Publishes `payment.refunded` as payment-service would.
    pub(crate) async fn publish_refund(&self, order_id: Uuid) -> Envelope {
        let event = self.event(
            "payment-service",
            "payment.refunded",
            order_id,
            &json!({
                "orderId": order_id, "paymentId": Uuid::from_u128(9), "amountMinor": 1250, "currency": "EUR",
            }),
        );
        self.publish(&event).await;
        event
    }

    fn event(&self, source: &str, event_type: &str, subject: Uuid, data: &Value) -> Envelope {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        EventProbe::event(source, event_type, subject, sequence, data)
    }

    pub(crate) async fn publish(&self, event: &Envelope) {
        self.probe.publish(event).await;
    }

    /// Waits until the service has consumed the event: its inbox row commits together with its effect.
    pub(crate) async fn wait_for_inbox(&self, event: &Envelope) {
        eventually(&format!("{} to be consumed", event.event_type), || async {
            let consumed = sqlx::query_scalar("select exists (select from inbox where event_id = $1)");
            let consumed: bool = consumed
                .bind(event.metadata.event_id)
                .fetch_one(&self.service.database)
                .await
                .unwrap();
            consumed.then_some(())
        })
        .await;
    }

    /// Returns the user's notifications, newest first.
    pub(crate) async fn notifications(&self, user: &User) -> Vec<Value> {
        let answer = self.get(user, "/api/notifications?limit=100").await;
        assert_eq!(answer.0, 200, "{}", answer.1);
        answer.1["items"].as_array().unwrap().clone()
    }

    pub(crate) async fn get(&self, user: &User, path: &str) -> (u16, Value) {
        let identity = self.env.identity(user.id, Role::Customer);
        let answer = self.service.get(path, &identity).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(crate) async fn post(&self, user: &User, path: &str) -> (u16, Value) {
        let identity = self.env.identity(user.id, Role::Customer);
        let answer = self.service.post(path, &identity).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Waits until the mail about this type of event is in this state, and returns the notification.
    pub(crate) async fn wait_for_mail(&self, state: &str, user: &User, kind: &str) -> Value {
        eventually(&format!("the mail of {kind} to be {state}"), || async {
            let all = self.notifications(user).await;
            all.into_iter().find(|one| one["kind"] == kind && one["mail"] == state)
        })
        .await
    }

    /// Returns the service's own section of `/internal/status`.
    pub(crate) async fn mail_counts(&self) -> Value {
        self.service.status().await["notifications"].clone()
    }
}

async fn start(env: &TestEnv, smtp_url: &str) -> TestService {
    let config = TestEnv::config::<Config>(&[("SMTP_URL", smtp_url)]);
    env.start("notification-service", &MIGRATOR, config, assemble).await
}

/// A customer with an e-mail address of their own.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) email: String,
}

impl User {
    pub(crate) fn new() -> Self {
        let id = id::new();
        Self {
            id,
            email: format!("{}@example.com", id.simple()),
        }
    }

    pub(crate) fn registered(&self, sequence: i64) -> Envelope {
        self.event("user.registered", sequence)
    }

    /// Returns user-service's `sequence`th event about this user.
    pub(crate) fn event(&self, event_type: &str, sequence: i64) -> Envelope {
        let data = json!({ "userId": self.id, "email": self.email, "name": "Ada" });
        EventProbe::event("user-service", event_type, self.id, sequence, &data)
    }
}

/// Returns the Message-ID that the mail about this event must have.
pub(crate) fn message_id(event: &Envelope) -> String {
    format!("{}@platform.local", event.metadata.event_id)
}
