//! Where the platform is, as `make env` says.

use crate::{answer::Answer, trouble::Trouble};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::{collections::HashMap, time::Duration};

/// A running platform. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Platform {
    /// The gateway's public address.
    pub gateway: String,
    /// The gateway's operators' address.
    pub operators: String,
    /// RabbitMQ's management UI.
    pub management: String,
    /// The mail catcher's page.
    pub mail: String,
    /// The sandbox payment provider.
    pub provider: String,
    /// The administrator's e-mail address.
    pub admin_email: String,
    /// The administrator's password.
    pub admin_password: String,
    /// The operators' token.
    pub operator_token: String,
    variables: HashMap<String, String>,
    client: Client,
}

/// The longest that one request may take. Longer than any deadline inside.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

impl Platform {
    /// Reads the exports of `make env` from the environment.
    #[expect(
        clippy::disallowed_methods,
        reason = "it stands outside the platform, as any client does"
    )]
    pub fn from_env() -> Result<Self, Trouble> {
        let variables: HashMap<String, String> = std::env::vars().collect();
        let variable = |name: &'static str| variables.get(name).cloned().ok_or(Trouble::Environment(name));
        Ok(Self {
            gateway: variable("GATEWAY_URL")?,
            operators: variable("OPERATORS_URL")?,
            management: variable("RABBITMQ_MANAGEMENT_URL")?,
            mail: variable("MAIL_URL")?,
            provider: variable("PROVIDER_URL")?,
            admin_email: variable("ADMIN_EMAIL")?,
            admin_password: variable("ADMIN_PASSWORD")?,
            operator_token: variable("OPERATOR_TOKEN")?,
            client: Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build()?,
            variables,
        })
    }

    /// Any variable of `make env`, e.g. `ORDER_SERVICE_URL`.
    pub fn variable(&self, name: &'static str) -> Result<&str, Trouble> {
        self.variables
            .get(name)
            .map(String::as_str)
            .ok_or(Trouble::Environment(name))
    }

    /// A request to the public side of the gateway.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_to(&self.gateway, method, path)
    }

    /// A request to any address.
    pub fn request_to(&self, base: &str, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{base}{path}"))
    }

    /// A service's `/internal/status`; `service` as in `ORDER_SERVICE_URL`.
    pub async fn status(&self, service: &'static str) -> Result<Value, Trouble> {
        let request = self.request_to(self.variable(service)?, Method::GET, "/internal/status");
        Ok(Answer::of("status", request).await?.value())
    }

    /// A service's database, for those who audit; `database` as in `ORDER_DATABASE_URL`.
    pub fn database(&self, database: &'static str) -> Result<PgPool, Trouble> {
        let options = PgPoolOptions::new().max_connections(2).acquire_timeout(REQUEST_TIMEOUT);
        Ok(options.connect_lazy(self.variable(database)?)?)
    }
}
