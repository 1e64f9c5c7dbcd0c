//! The services of `platform.toml`, and the names that follow from a service's name.

use serde::Deserialize;
use std::sync::LazyLock;

const DESCRIPTION: &str = include_str!("../../../platform.toml");

static SERVICES: LazyLock<Vec<Service>> = LazyLock::new(|| {
    let description: Description = toml::from_str(DESCRIPTION).expect("platform.toml describes the services");
    description.service
});

#[derive(Deserialize)]
struct Description {
    service: Vec<Service>,
}

/// A service with a database of its own, as it is seen from outside.
#[derive(Debug, Deserialize)]
pub struct Service {
    /// Name in local mode, such as `order-service`.
    pub name: String,
    /// The queue that it consumes, such as `order-queue`.
    pub queue: Option<String>,
}

impl Service {
    /// Variable of its base URL, such as `ORDER_SERVICE_URL`.
    pub fn url_variable(&self) -> String {
        format!("{}_URL", self.database().to_uppercase())
    }

    /// Variable of its database's URL, such as `ORDER_DATABASE_URL`.
    pub fn database_variable(&self) -> String {
        let short = self.name.trim_end_matches("-service").replace('-', "_");
        format!("{}_DATABASE_URL", short.to_uppercase())
    }

    /// Name of its database, such as `order_service`.
    pub fn database(&self) -> String {
        self.name.replace('-', "_")
    }
}

/// Every service of the platform; the gateway has no database and is not among them.
pub fn services() -> &'static [Service] {
    &SERVICES
}

/// The services that consume a queue.
pub fn consumers() -> impl Iterator<Item = &'static Service> {
    SERVICES.iter().filter(|service| service.queue.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_service_name() {
        let order = services().iter().find(|service| service.name == "order-service");
        let order = order.expect("there is an order-service");
        assert_eq!(order.url_variable(), "ORDER_SERVICE_URL");
        assert_eq!(order.database_variable(), "ORDER_DATABASE_URL");
        assert_eq!(order.database(), "order_service");
        assert_eq!(order.queue.as_deref(), Some("order-queue"));
    }
}
