//! Loads the evidence from its sources.

use super::{
    broker::{Binding, Broker},
    clients,
    interner::Symbol,
    rows::{Evidence, Messaging, OrderLine, Setting},
};
use crate::collect::{evidence_query::EvidenceQuery, expectations::Expectations};
use chrono::NaiveDate;
use platform_client::{HarnessError, description::services, ledger, mail};
use sqlx::{FromRow, PgPool, Row, postgres::PgRow};
use std::collections::HashMap;
use uuid::Uuid;

/// The settings without which a commit would not survive a power cut.
const SETTINGS: &str = "select name, setting as value from pg_settings
    where name in ('fsync', 'synchronous_commit', 'full_page_writes')";

/// Loads everything. The platform must be quiescent, since the databases are not read at one moment.
pub(crate) async fn load(query: &EvidenceQuery, expectations: Expectations) -> Result<Evidence, HarnessError> {
    let mut evidence = Evidence {
        clients: clients::read(&query.history)?,
        provider: ledger::read_file(&query.provider_log)?,
        mails: mail::read_folder(&query.mails)?,
        broker: Broker {
            bindings: query.broker.list("bindings").await?,
            queues: query.broker.list("queues").await?,
        },
        poison: expectations.poison,
        disturbances: expectations.disturbances,
        ..Evidence::default()
    };
    evidence.broker.bindings.retain(Binding::is_of_events);
    for service in services() {
        let pool = query.database(&service.name);
        for (name, value) in list(pool, SETTINGS).await? {
            let service = &*service.name;
            evidence.settings.push(Setting { service, name, value });
        }
        evidence.messaging.insert(&service.name, messaging(pool).await?);
    }
    users_and_orders(query, &mut evidence).await?;
    money_and_stock(query, &mut evidence).await?;
    notifications_and_analytics(query, &mut evidence).await?;
    Ok(evidence)
}

/// The tables that every service has.
async fn messaging(pool: &PgPool) -> sqlx::Result<Messaging> {
    Ok(Messaging {
        published: by_key(
            pool,
            "select event_id as key, event_type, subject, created_at as at, published_at as confirmed_at from published",
        )
        .await?,
        outbox: list(pool, "select event_id, event_type from outbox").await?,
        inbox: by_key(
            pool,
            "select event_id as key, event_type, source, subject, received_at as at from inbox",
        )
        .await?,
        dead_letters: list(
            pool,
            "select id, queue, event_id, event_type, body, reason, attempts
             from dead_letters order by id",
        )
        .await?,
        sequences: list(pool, "select subject, last from subject_sequences")
            .await?
            .into_iter()
            .collect(),
    })
}

async fn users_and_orders(query: &EvidenceQuery, evidence: &mut Evidence) -> sqlx::Result<()> {
    let pool = query.database("user-service");
    evidence.users = by_key(pool, "select id as key, email, name from users").await?;
    let pool = query.database("order-service");
    evidence.orders = by_key(
        pool,
        r#"select id as key, user_id as "user", status, payment, stock, compensation, payment_method, total_minor,
                  currency
           from orders"#,
    )
    .await?;
    let lines = "select order_id, product_id, quantity::bigint, unit_price_minor from order_lines";
    for (order, product, quantity, unit_price_minor) in list::<(Uuid, Uuid, i64, i64)>(pool, lines).await? {
        // A foreign key guarantees that the order exists.
        if let Some(order) = evidence.orders.get_mut(&order) {
            order.lines.push(OrderLine {
                product,
                quantity,
                unit_price_minor,
            });
        }
    }
    evidence.keys = list(
        pool,
        r#"select user_id as "user", key as text,
                  substring(answer_location from '^/api/orders/([0-9a-f-]{36})$')::uuid as "order"
           from idempotency_keys"#,
    )
    .await?;
    Ok(())
}

async fn money_and_stock(query: &EvidenceQuery, evidence: &mut Evidence) -> sqlx::Result<()> {
    let payments = "select order_id as key, id, state, amount_minor, currency, refund_id as refund from payments";
    evidence.payments = by_key(query.database("payment-service"), payments).await?;
    let pool = query.database("product-service");
    let products = "select id as key, initial, restocked, available, reserved, sold from products";
    evidence.products = by_key(pool, products).await?;
    let reservations = list::<(Uuid, Symbol)>(pool, "select order_id, state from reservations");
    evidence.reservations = reservations.await?.into_iter().collect();
    evidence.movements = list(
        pool,
        r#"select product_id as product, order_id as "order", kind, quantity from stock_movements order by id"#,
    )
    .await?;
    Ok(())
}

async fn notifications_and_analytics(query: &EvidenceQuery, evidence: &mut Evidence) -> sqlx::Result<()> {
    let pool = query.database("notification-service");
    evidence.contacts = by_key(pool, "select user_id as key, email, name, sequence from contacts").await?;
    evidence.notifications = list(
        pool,
        r#"select id, event_id as event, kind, order_id as "order", user_id as "user", mail from notifications"#,
    )
    .await?;
    let pool = query.database("analytics-service");
    evidence.stored = list(
        pool,
        "select event_id as event, event_type, source, subject, sequence, event_at as at from events",
    )
    .await?;
    evidence.user_events = list(
        pool,
        r#"select subject as "user", sequence, coalesce(envelope->'data'->>'email', '') as email,
                  coalesce(envelope->'data'->>'name', '') as name
           from events where source = 'user-service'"#,
    )
    .await?;
    let counters = list::<(NaiveDate, i16, Symbol, i64)>(pool, "select day, hour, event_type, events from counters");
    let counters = counters.await?.into_iter();
    evidence.counters = counters
        .map(|(day, hour, event_type, events)| ((day, hour, event_type), events))
        .collect();
    Ok(())
}

async fn list<T>(pool: &PgPool, statement: &'static str) -> sqlx::Result<Vec<T>>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    sqlx::query_as(statement).fetch_all(pool).await
}

/// The rows by their column `key`.
async fn by_key<T>(pool: &PgPool, statement: &'static str) -> sqlx::Result<HashMap<Uuid, T>>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let rows: Vec<Keyed<T>> = list(pool, statement).await?;
    Ok(rows.into_iter().map(|Keyed(key, row)| (key, row)).collect())
}

struct Keyed<T>(Uuid, T);

impl<'r, T: FromRow<'r, PgRow>> FromRow<'r, PgRow> for Keyed<T> {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        Ok(Self(row.try_get("key")?, T::from_row(row)?))
    }
}
