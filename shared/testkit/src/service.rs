//! A service that runs inside a test.

use crate::{operator::OPERATOR_TOKEN, wait::eventually};
use kernel::chain;
use reqwest::{Client, Method, RequestBuilder};
use runtime::{Base, Program, Service, Settings, StartError, run_service};
use sqlx::{PgPool, migrate::Migrator};
use std::{net::SocketAddr, thread::JoinHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use web::identity::IDENTITY_HEADER;

/// A running instance; it is stopped when it is dropped, as SIGTERM would.
pub struct TestService {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    /// The database behind it.
    pub database: PgPool,
    client: Client,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test calls as a client does, without breaker and retries"
)]
pub(crate) async fn start<C, A>(
    program: Program,
    migrator: &'static Migrator,
    settings: Settings,
    config: C,
    assemble: A,
) -> TestService
where
    C: Send + 'static,
    A: AsyncFnOnce(C, Base) -> Result<Service, StartError> + Send + 'static,
{
    let database = PgPool::connect_lazy(&settings.database_url).expect("a database URL");
    let listener = std::net::TcpListener::bind(settings.listen_addr).expect("a free port");
    listener.set_nonblocking(true).expect("a listener can be non-blocking");
    let address: SocketAddr = listener.local_addr().expect("a bound listener has an address");
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    // A thread and a runtime of its own, like a process.
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        runtime.expect("a runtime can be made").block_on(async move {
            let listener = TcpListener::from_std(listener).expect("a listener can be moved to a runtime");
            let base = Base::new(program, &settings).expect("a database URL");
            let service = Box::pin(assemble(config, base.clone()));
            let ended = run_service(&base, migrator, &settings, service, listener, stopped).await;
            ended.unwrap_or_else(|error| panic!("{} ended: {}", program.name, chain(&error)));
        });
    });
    let client = Client::builder().no_proxy().build().expect("a client can be made");
    let service = TestService {
        url: format!("http://{address}"),
        database,
        client,
        stop,
        thread: Some(thread),
    };
    eventually(&format!("{} to be ready", program.name), || async {
        let answer = service.request(Method::GET, "/readyz").send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    service
}

impl TestService {
    /// Waits until the service's consumer, if it has one, is subscribed.
    pub(crate) async fn subscribed(&self) {
        eventually("the consumer to subscribe", || async {
            (self.status().await["consumer"]["state"] != "disconnected").then_some(())
        })
        .await;
    }

    /// Returns the texts that the check constraint of a column allows (`check (state in (…))`), sorted.
    pub async fn allowed_texts(&self, table: &str, column: &str) -> Vec<String> {
        let checks: Vec<String> = sqlx::query_scalar(
            "select pg_get_constraintdef(oid) from pg_constraint where conrelid = $1::text::regclass and contype = 'c' \
             and conkey = array[(select attnum from pg_attribute where attrelid = conrelid and attname = $2)]",
        )
        .bind(table)
        .bind(column)
        .fetch_all(&self.database)
        .await
        .expect("the table exists");
        // PostgreSQL prints such a check as `= ANY (ARRAY['a'::text, 'b'::text])`.
        let mut texts: Vec<String> = checks
            .iter()
            .flat_map(|check| check.split('\'').skip(1).step_by(2))
            .map(str::to_owned)
            .collect();
        texts.sort();
        texts
    }

    /// A request to this service.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// `GET`, as the bearer of this `X-Identity` token.
    pub fn get(&self, path: &str, identity: &str) -> RequestBuilder {
        self.request(Method::GET, path).header(IDENTITY_HEADER, identity)
    }

    /// `POST`, as the bearer of this `X-Identity` token.
    pub fn post(&self, path: &str, identity: &str) -> RequestBuilder {
        self.request(Method::POST, path).header(IDENTITY_HEADER, identity)
    }

    /// A request that shows the operator token.
    pub fn operator(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(OPERATOR_TOKEN)
    }

    /// The service's `/internal/status`.
    pub async fn status(&self) -> serde_json::Value {
        let answer = self
            .request(Method::GET, "/internal/status")
            .send()
            .await
            .expect("the service answers");
        answer.json().await.expect("status is JSON")
    }

    /// Stops it as SIGTERM would, and waits until it has ended.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let thread = self.thread.take().expect("a service is stopped once");
        tokio::task::spawn_blocking(move || thread.join())
            .await
            .expect("joining works")
            .expect("it ended in order");
    }
}

impl Drop for TestService {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
