//! The tables that only one service has.

use super::{
    Contact, Evidence, Key, Line, Movement, Notification, Order, Payment, Product, Stored, Told, User, words::Words,
};
use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt;
use sqlx::PgPool;
use uuid::Uuid;

const LOCATION: &str = "/api/orders/";

pub(super) async fn users(pool: &PgPool, evidence: &mut Evidence) -> Result<(), sqlx::Error> {
    let rows: Vec<(Uuid, String, String)> = sqlx::query_as("select id, email, name from users")
        .fetch_all(pool)
        .await?;
    evidence.users = rows
        .into_iter()
        .map(|(id, email, name)| (id, User { email, name }))
        .collect();
    Ok(())
}

#[derive(sqlx::FromRow)]
struct OrderRow {
    id: Uuid,
    user_id: Uuid,
    status: String,
    payment: String,
    stock: String,
    compensation: String,
    payment_method: String,
    total_minor: i64,
    currency: String,
}

pub(super) async fn orders(pool: &PgPool, words: &mut Words, evidence: &mut Evidence) -> Result<(), sqlx::Error> {
    let statement = "select id, user_id, status, payment, stock, compensation, payment_method, total_minor, currency
                     from orders";
    let mut rows = sqlx::query_as::<_, OrderRow>(statement).fetch(pool);
    while let Some(row) = rows.try_next().await? {
        let order = Order {
            user: row.user_id,
            status: words.get(&row.status),
            payment: words.get(&row.payment),
            stock: words.get(&row.stock),
            compensation: words.get(&row.compensation),
            payment_method: words.get(&row.payment_method),
            total_minor: row.total_minor,
            currency: words.get(&row.currency),
            lines: Vec::new(),
        };
        evidence.orders.insert(row.id, order);
    }
    let statement = "select order_id, product_id, quantity, unit_price_minor from order_lines";
    let mut rows = sqlx::query_as::<_, (Uuid, Uuid, i32, i64)>(statement).fetch(pool);
    while let Some((order, product, quantity, unit_price_minor)) = rows.try_next().await? {
        let line = Line {
            product,
            quantity: quantity.into(),
            unit_price_minor,
        };
        // A foreign key sees to it that the order exists.
        if let Some(order) = evidence.orders.get_mut(&order) {
            order.lines.push(line);
        }
    }
    Ok(())
}

pub(super) async fn keys(pool: &PgPool, evidence: &mut Evidence) -> Result<(), sqlx::Error> {
    let rows: Vec<(Uuid, String, Option<String>)> =
        sqlx::query_as("select user_id, key, answer_location from idempotency_keys")
            .fetch_all(pool)
            .await?;
    let key = |(user, text, location): (Uuid, String, Option<String>)| {
        let order = location.and_then(|location| location.strip_prefix(LOCATION)?.parse().ok());
        Key { user, text, order }
    };
    evidence.keys = rows.into_iter().map(key).collect();
    Ok(())
}

pub(super) async fn payments(pool: &PgPool, words: &mut Words, evidence: &mut Evidence) -> Result<(), sqlx::Error> {
    let statement = "select order_id, id, state, amount_minor, currency, refund_id from payments";
    let mut rows = sqlx::query_as::<_, (Uuid, Uuid, String, i64, String, Option<Uuid>)>(statement).fetch(pool);
    while let Some((order, id, state, amount_minor, currency, refund)) = rows.try_next().await? {
        let payment = Payment {
            id,
            state: words.get(&state),
            amount_minor,
            currency: words.get(&currency),
            refund,
        };
        evidence.payments.insert(order, payment);
    }
    Ok(())
}

pub(super) async fn stock(pool: &PgPool, words: &mut Words, evidence: &mut Evidence) -> Result<(), sqlx::Error> {
    let products: Vec<(Uuid, i64, i64, i64, i64, i64)> =
        sqlx::query_as("select id, initial, restocked, available, reserved, sold from products")
            .fetch_all(pool)
            .await?;
    let product = |(id, initial, restocked, available, reserved, sold)| {
        let product = Product {
            initial,
            restocked,
            available,
            reserved,
            sold,
        };
        (id, product)
    };
    evidence.products = products.into_iter().map(product).collect();
    let mut rows = sqlx::query_as::<_, (Uuid, String)>("select order_id, state from reservations").fetch(pool);
    while let Some((order, state)) = rows.try_next().await? {
        evidence.reservations.insert(order, words.get(&state));
    }
    let statement = "select product_id, order_id, kind, quantity from stock_movements order by id";
    let mut rows = sqlx::query_as::<_, (Uuid, Option<Uuid>, String, i64)>(statement).fetch(pool);
    while let Some((product, order, kind, quantity)) = rows.try_next().await? {
        let kind = words.get(&kind);
        evidence.movements.push(Movement {
            product,
            order,
            kind,
            quantity,
        });
    }
    Ok(())
}

pub(super) async fn notifications(
    pool: &PgPool,
    words: &mut Words,
    evidence: &mut Evidence,
) -> Result<(), sqlx::Error> {
    let contacts: Vec<(Uuid, String, String, i64)> =
        sqlx::query_as("select user_id, email, name, sequence from contacts")
            .fetch_all(pool)
            .await?;
    let contact = |(user, email, name, sequence)| (user, Contact { email, name, sequence });
    evidence.contacts = contacts.into_iter().map(contact).collect();
    let statement = "select id, event_id, kind, order_id, user_id, mail from notifications";
    let mut rows = sqlx::query_as::<_, (Uuid, Uuid, String, Uuid, Option<Uuid>, String)>(statement).fetch(pool);
    while let Some((id, event, kind, order, user, mail)) = rows.try_next().await? {
        evidence.notifications.push(Notification {
            id,
            event,
            kind: words.get(&kind),
            order,
            user,
            mail: words.get(&mail),
        });
    }
    Ok(())
}

pub(super) async fn analytics(pool: &PgPool, words: &mut Words, evidence: &mut Evidence) -> Result<(), sqlx::Error> {
    let statement = "select event_id, event_type, source, subject, sequence, event_at from events";
    let mut rows = sqlx::query_as::<_, (Uuid, String, String, Uuid, i64, DateTime<Utc>)>(statement).fetch(pool);
    while let Some((event, event_type, source, subject, sequence, at)) = rows.try_next().await? {
        evidence.stored.push(Stored {
            event,
            event_type: words.get(&event_type),
            source: words.get(&source),
            subject,
            sequence,
            at,
        });
    }
    let told: Vec<(Uuid, i64, String, String)> = sqlx::query_as(
        "select subject, sequence, coalesce(envelope->'data'->>'email', ''), coalesce(envelope->'data'->>'name', '')
         from events where source = 'user-service'",
    )
    .fetch_all(pool)
    .await?;
    let of_user = |(user, sequence, email, name)| Told {
        user,
        sequence,
        email,
        name,
    };
    evidence.told = told.into_iter().map(of_user).collect();
    let counters: Vec<(NaiveDate, i16, String, i64)> =
        sqlx::query_as("select day, hour, event_type, events from counters")
            .fetch_all(pool)
            .await?;
    let counter = |(day, hour, event_type, events): (_, _, String, _)| ((day, hour, words.get(&event_type)), events);
    evidence.counters = counters.into_iter().map(counter).collect();
    Ok(())
}
