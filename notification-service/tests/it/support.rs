//! One service with all that it needs, and the words to talk about it.
//!
//! The tests run on two threads: while one waits for the virtual host to be deleted, the other answers the broker, which
//! closes the connections first.

use notification_service::{Config, MIGRATOR, assemble};
use serde_json::{Value, json};
use shared::{
    identity::Role,
    messaging::envelope::Envelope,
    testing::{EventProbe, PATIENCE, TestBed, TestService, eventually},
};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::atomic::{AtomicI64, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use uuid::Uuid;

/// A service, its surroundings, and one who publishes what the other services would.
pub(crate) struct World {
    pub(crate) service: TestService,
    pub(crate) mails: Mails,
    pub(crate) probe: EventProbe,
    sequence: AtomicI64,
    // Last: it takes database and virtual host away from all that is dropped before it.
    pub(crate) bed: TestBed,
}

impl World {
    pub(crate) async fn new() -> Self {
        let bed = TestBed::new(&["notification-queue"]).await;
        let probe = bed.events().await;
        let mails = Mails::start().await;
        let service = start(&bed, &mails).await;
        Self {
            bed,
            probe,
            mails,
            service,
            sequence: AtomicI64::new(0),
        }
    }

    /// Another instance of the same service.
    pub(crate) async fn second_instance(&self) -> TestService {
        start(&self.bed, &self.mails).await
    }

    /// Somebody whom user-service has told of.
    pub(crate) async fn registered(&self) -> User {
        let user = User::new();
        self.publish(&user.registered(1)).await;
        user
    }

    /// An order event as order-service publishes it.
    pub(crate) async fn order(&self, event_type: &str, order_id: Uuid, user: &User) -> Envelope {
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

    /// Money that payment-service has given back.
    pub(crate) async fn refunded(&self, order_id: Uuid) -> Envelope {
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

    /// Waits until the service has taken the event: its inbox row commits together with its effect.
    pub(crate) async fn taken(&self, event: &Envelope) {
        eventually(&format!("{} to be taken", event.event_type), || async {
            let taken = sqlx::query_scalar("select exists (select from inbox where event_id = $1)");
            let taken: bool = taken
                .bind(event.metadata.event_id)
                .fetch_one(&self.service.database)
                .await
                .unwrap();
            taken.then_some(())
        })
        .await;
    }

    /// What `GET /api/notifications` answers the user.
    pub(crate) async fn notifications(&self, user: &User) -> Vec<Value> {
        let answer = self.get(user, "/api/notifications?limit=100").await;
        assert_eq!(answer.0, 200, "{}", answer.1);
        answer.1["items"].as_array().unwrap().clone()
    }

    pub(crate) async fn get(&self, user: &User, path: &str) -> (u16, Value) {
        let identity = self.bed.identity(user.id, Role::Customer);
        let answer = self.service.get(path, &identity).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(crate) async fn post(&self, user: &User, path: &str) -> (u16, Value) {
        let identity = self.bed.identity(user.id, Role::Customer);
        let answer = self.service.post(path, &identity).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Waits until the mail of this event is as `state` says, and returns the notification.
    pub(crate) async fn mail_is(&self, state: &str, user: &User, kind: &str) -> Value {
        eventually(&format!("the mail of {kind} to be {state}"), || async {
            let all = self.notifications(user).await;
            all.into_iter().find(|one| one["kind"] == kind && one["mail"] == state)
        })
        .await
    }

    /// The service's own section of `/internal/status`.
    pub(crate) async fn status(&self) -> Value {
        self.service.status().await["notifications"].clone()
    }
}

async fn start(bed: &TestBed, mails: &Mails) -> TestService {
    let smtp_url = format!("smtp://{}", mails.smtp);
    let config = TestBed::config(Config::from_env, &[("SMTP_URL", &smtp_url)]);
    bed.start("notification-service", &MIGRATOR, config, assemble).await
}

/// Somebody who may order something.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) email: String,
}

impl User {
    pub(crate) fn new() -> Self {
        let id = shared::id::new();
        Self {
            id,
            email: format!("{}@example.com", id.simple()),
        }
    }

    pub(crate) fn registered(&self, sequence: i64) -> Envelope {
        self.told("user.registered", sequence)
    }

    /// What user-service says of this user, in its `sequence`th event about them.
    pub(crate) fn told(&self, event_type: &str, sequence: i64) -> Envelope {
        let data = json!({ "userId": self.id, "email": self.email, "name": "Ada" });
        EventProbe::event("user-service", event_type, self.id, sequence, &data)
    }
}

/// The mail server, which can go away and come back at the same address.
pub(crate) struct Mails {
    smtp: SocketAddr,
    http: SocketAddr,
    folder: PathBuf,
    running: JoinSet<std::io::Result<()>>,
}

impl Mails {
    async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("mails-{}", shared::id::new()));
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut mails = Self {
            smtp: free,
            http: free,
            folder,
            running: JoinSet::new(),
        };
        mails.come_back().await;
        mails
    }

    /// The next connection opens and hears nothing.
    pub(crate) async fn fall_silent(&mut self) {
        self.go_away().await;
        let listener = TcpListener::bind(self.smtp).await.unwrap();
        self.running.spawn(async move {
            let (mut stream, _) = listener.accept().await?;
            stream.read_to_end(&mut Vec::new()).await.map(drop)
        });
    }

    /// Waits until the service has closed that connection.
    pub(crate) async fn until_given_up(&mut self) {
        let given_up = timeout(PATIENCE, self.running.join_next()).await;
        given_up
            .expect("it is given up")
            .expect("it was silent")
            .unwrap()
            .unwrap();
    }

    /// Connections are cut and new ones refused.
    pub(crate) async fn go_away(&mut self) {
        self.running.shutdown().await;
    }

    pub(crate) async fn come_back(&mut self) {
        let config = mail_catcher::Config {
            smtp_addr: self.smtp,
            http_addr: self.http,
            mail_dir: self.folder.clone(),
            mails_max: 10_000,
        };
        let catcher = mail_catcher::MailCatcher::bind(&config).await.unwrap();
        (self.smtp, self.http) = (catcher.smtp_addr().unwrap(), catcher.http_addr().unwrap());
        self.running.spawn(catcher.run());
    }

    /// All mails to this user, oldest first.
    pub(crate) async fn to(&self, user: &User) -> Vec<Value> {
        let mut stream = TcpStream::connect(self.http).await.unwrap();
        let request = format!(
            "GET /api/mails?to={} HTTP/1.1\r\nHost: mails\r\nConnection: close\r\n\r\n",
            user.email
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{response}");
        let mut mails: Vec<Value> = serde_json::from_str(body).unwrap();
        mails.reverse();
        mails
    }

    /// The message ids of all mails to this user, oldest first.
    pub(crate) async fn ids(&self, user: &User) -> Vec<Value> {
        self.to(user)
            .await
            .into_iter()
            .map(|mail| mail["messageId"].clone())
            .collect()
    }

    /// Waits until the user has at least `count` mails.
    pub(crate) async fn wait_for(&self, count: usize, user: &User) -> Vec<Value> {
        eventually(&format!("{count} mails"), || async {
            let mails = self.to(user).await;
            (mails.len() >= count).then_some(mails)
        })
        .await
    }
}

impl Drop for Mails {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// The Message-ID that the mail of this event must have.
pub(crate) fn message_id(event: &Envelope) -> String {
    format!("{}@platform.local", event.metadata.event_id)
}
