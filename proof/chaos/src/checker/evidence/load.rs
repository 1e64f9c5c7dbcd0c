//! Reads everything, once, into [`Evidence`].

use super::{Evidence, Setting, broker::Broker, clients, mail, messaging, provider, services, words::Words};
use crate::checker::{CheckError, Expectations, Sources, sources::SERVICES};
use sqlx::PgPool;

/// What a database must not be without, if a commit is to mean anything after a power cut.
const SETTINGS: &str =
    "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes')";

/// Reads everything. The platform must be at rest, for the databases are not read at one moment.
pub(in crate::checker) async fn load(sources: &Sources, expectations: &Expectations) -> Result<Evidence, CheckError> {
    let words = &mut Words::default();
    let mut evidence = Evidence {
        clients: clients::read(&sources.history)?,
        provider: provider::read(&sources.provider_log)?,
        mails: mail::read(&sources.mails)?,
        broker: broker(sources).await?,
        poison: expectations.poison.clone(),
        ..Evidence::default()
    };
    for service in &SERVICES {
        let pool = sources.database(service.name);
        evidence.settings.extend(settings(pool, service.name).await?);
        let messaging = messaging::read(pool, words).await?;
        evidence.messaging.insert(service.name, messaging);
    }
    services::users(sources.database("user-service"), &mut evidence).await?;
    services::orders(sources.database("order-service"), words, &mut evidence).await?;
    services::keys(sources.database("order-service"), &mut evidence).await?;
    services::payments(sources.database("payment-service"), words, &mut evidence).await?;
    services::stock(sources.database("product-service"), words, &mut evidence).await?;
    services::notifications(sources.database("notification-service"), words, &mut evidence).await?;
    services::analytics(sources.database("analytics-service"), words, &mut evidence).await?;
    Ok(evidence)
}

async fn broker(sources: &Sources) -> Result<Broker, CheckError> {
    let mut broker = Broker {
        bindings: sources.list("bindings").await?,
        queues: sources.list("queues").await?,
    };
    broker.bindings.retain(super::broker::Binding::is_of_events);
    Ok(broker)
}

async fn settings(pool: &PgPool, service: &'static str) -> Result<Vec<Setting>, sqlx::Error> {
    let rows: Vec<(String, String)> = sqlx::query_as(SETTINGS).fetch_all(pool).await?;
    let setting = |(name, value)| Setting { service, name, value };
    Ok(rows.into_iter().map(setting).collect())
}
