//! All SQL of this service.

use crate::domain::{NotificationId, OrderId, OwnedOrder, UserId};
use chrono::{DateTime, Utc};
use database::Database;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// A user's address, as of the `sequence`th event about the user.
pub(crate) struct Contact<'a> {
    pub(crate) user_id: UserId,
    pub(crate) email: &'a str,
    pub(crate) name: &'a str,
    pub(crate) sequence: i64,
}

/// A notification to insert.
pub(crate) struct NewNotification<'a> {
    pub(crate) id: NotificationId,
    pub(crate) event_id: Uuid,
    pub(crate) kind: &'a str,
    pub(crate) order_id: OrderId,
    pub(crate) user_id: Option<UserId>,
    pub(crate) title: &'a str,
    pub(crate) body: &'a str,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) waits_until: DateTime<Utc>,
    pub(crate) correlation_id: &'a str,
}

/// A notification whose mail has just become due.
pub(crate) struct DueMail {
    pub(crate) id: NotificationId,
    pub(crate) event_id: Uuid,
    pub(crate) kind: String,
    pub(crate) order_id: OrderId,
    pub(crate) correlation_id: String,
}

/// The parts of a mail.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) event_id: Uuid,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) created_at: DateTime<Utc>,
}

/// A notification, as the API shows it to its owner.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    pub(crate) id: NotificationId,
    pub(crate) kind: String,
    pub(crate) order_id: OrderId,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) read_at: Option<DateTime<Utc>>,
    pub(crate) mail: String,
}

/// A notification whose mail has waited until its deadline.
pub(crate) struct ExpiredMail {
    pub(crate) order_id: OrderId,
    pub(crate) correlation_id: String,
    pub(crate) owner_known: bool,
}

/// The mails that need an operator's attention, for `/internal/status`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MailCounts {
    pub(crate) waiting: i64,
    pub(crate) oldest_waiting_at: Option<DateTime<Utc>>,
    pub(crate) failed: i64,
}

/// Locks an order until the end of the transaction.
pub(crate) async fn lock_order(connection: &mut PgConnection, order_id: OrderId) -> Result<(), sqlx::Error> {
    lock(connection, order_id.uuid()).await
}

/// Locks a user until the end of the transaction, against changes of the address.
///
/// The transactions of a user's orders share the lock: each adds notifications of its own, and they need not see one another.
pub(crate) async fn lock_user_shared(connection: &mut PgConnection, user_id: UserId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock_shared(hashtextextended('notification ' || $1::text, 0))",
        user_id.uuid().to_string()
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// Locks a user until the end of the transaction, to change the address.
pub(crate) async fn lock_user(connection: &mut PgConnection, user_id: UserId) -> Result<(), sqlx::Error> {
    lock(connection, user_id.uuid()).await
}

/// Takes an advisory lock, since the row to lock may not exist yet. Ids with the same hash only wait for each other.
async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('notification ' || $1::text, 0))",
        id.to_string()
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

pub(crate) async fn owner(connection: &mut PgConnection, order_id: OrderId) -> Result<Option<UserId>, sqlx::Error> {
    let owner = sqlx::query_scalar!("select user_id from order_owners where order_id = $1", order_id.uuid());
    Ok(owner.fetch_optional(connection).await?.map(UserId::from))
}

/// Inserts the owner of an order. Returns `false` if the owner was known.
pub(crate) async fn insert_owner(connection: &mut PgConnection, order: OwnedOrder) -> Result<bool, sqlx::Error> {
    let insert = sqlx::query!(
        "insert into order_owners (order_id, user_id) values ($1, $2) on conflict (order_id) do nothing",
        order.order_id.uuid(),
        order.user_id.uuid()
    );
    Ok(insert.execute(connection).await?.rows_affected() > 0)
}

/// Assigns an order's notifications to its owner. Returns `false` if there were none.
pub(crate) async fn assign_owner(connection: &mut PgConnection, order: OwnedOrder) -> Result<bool, sqlx::Error> {
    let update = sqlx::query!(
        "update notifications set user_id = $2 where order_id = $1 and user_id is null",
        order.order_id.uuid(),
        order.user_id.uuid()
    );
    Ok(update.execute(connection).await?.rows_affected() > 0)
}

/// Records a user's address, unless the known one is of a newer event.
pub(crate) async fn upsert_contact(connection: &mut PgConnection, contact: &Contact<'_>) -> Result<(), sqlx::Error> {
    let upsert = sqlx::query!(
        "insert into contacts (user_id, email, name, sequence) values ($1, $2, $3, $4)
         on conflict (user_id) do update set email = excluded.email, name = excluded.name, sequence = excluded.sequence
         where contacts.sequence < excluded.sequence",
        contact.user_id.uuid(),
        contact.email,
        contact.name,
        contact.sequence
    );
    upsert.execute(connection).await?;
    Ok(())
}

pub(crate) async fn has_contact(connection: &mut PgConnection, user_id: UserId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (select from contacts where user_id = $1) as "known!""#,
        user_id.uuid()
    )
    .fetch_one(connection)
    .await
}

pub(crate) async fn insert_waiting(
    connection: &mut PgConnection,
    new: &NewNotification<'_>,
) -> Result<(), sqlx::Error> {
    let insert = sqlx::query!(
        "insert into notifications (id, event_id, kind, order_id, user_id, title, body, created_at, mail, waits_until,
                                    correlation_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9, $10)",
        new.id.uuid(),
        new.event_id,
        new.kind,
        new.order_id.uuid(),
        new.user_id.map(UserId::uuid),
        new.title,
        new.body,
        new.created_at,
        new.waits_until,
        new.correlation_id
    );
    insert.execute(connection).await?;
    Ok(())
}

/// Makes the mails that wait for this user due, and returns them.
pub(crate) async fn make_due(connection: &mut PgConnection, user_id: UserId) -> Result<Vec<DueMail>, sqlx::Error> {
    sqlx::query_as!(
        DueMail,
        "update notifications set mail = 'pending' where user_id = $1 and mail = 'waiting'
         returning id, event_id, kind, order_id, correlation_id",
        user_id.uuid()
    )
    .fetch_all(connection)
    .await
}

/// Returns the mail of a notification, to the user's current address; `None` if its outcome is recorded already.
pub(crate) async fn pending_mail(
    connection: &mut PgConnection,
    id: NotificationId,
) -> Result<Option<Mail>, sqlx::Error> {
    sqlx::query_as!(
        Mail,
        "select event_id, email, name, title, body, created_at
         from notifications join contacts using (user_id)
         where id = $1 and mail = 'pending'",
        id.uuid()
    )
    .fetch_optional(connection)
    .await
}

/// Records that a mail was sent, or the reason why it failed.
pub(crate) async fn record_outcome(
    connection: &mut PgConnection,
    id: NotificationId,
    failure: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let update = sqlx::query!(
        "update notifications
         set mail = case when $2::text is null then 'sent' else 'failed' end, mail_failure = $2, mail_settled_at = $3
         where id = $1 and mail = 'pending'",
        id.uuid(),
        failure,
        at
    );
    update.execute(connection).await?;
    Ok(())
}

/// Marks the mails whose deadline has passed as failed, at most 500 at a time.
pub(crate) async fn expire(connection: &mut PgConnection, at: DateTime<Utc>) -> Result<Vec<ExpiredMail>, sqlx::Error> {
    sqlx::query_as!(
        ExpiredMail,
        r#"update notifications
           set mail = 'failed', mail_settled_at = $1,
               mail_failure = case when user_id is null then 'no event named the owner of the order in time'
                                   else 'no event named the address of the user in time' end
           where id in (select id from notifications where mail = 'waiting' and waits_until <= $1
                        order by waits_until limit 500 for update skip locked)
           returning order_id, correlation_id, user_id is not null as "owner_known!""#,
        at
    )
    .fetch_all(connection)
    .await
}

/// Counts the waiting and the failed mails.
pub(crate) async fn mail_counts(database: Database) -> Result<MailCounts, sqlx::Error> {
    sqlx::query_as!(
        MailCounts,
        r#"select count(*) filter (where mail = 'waiting') as "waiting!",
                  min(created_at) filter (where mail = 'waiting') as oldest_waiting_at,
                  count(*) filter (where mail = 'failed') as "failed!"
           from notifications where mail in ('waiting', 'failed')"#
    )
    .fetch_one(&mut *database.acquire().await?)
    .await
}

/// Returns a user's notifications older than `before`, newest first.
pub(crate) async fn list(
    connection: &mut PgConnection,
    user_id: UserId,
    before: Option<NotificationId>,
    limit: i64,
) -> Result<Vec<Notification>, sqlx::Error> {
    sqlx::query_as!(
        Notification,
        "select id, kind, order_id, title, body, created_at, read_at, mail from notifications
         where user_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3",
        user_id.uuid(),
        before.map(NotificationId::uuid),
        limit
    )
    .fetch_all(connection)
    .await
}

/// Marks a user's notification as read, and keeps the time of the first call; `None` if the user has none with this id.
pub(crate) async fn mark_read(
    connection: &mut PgConnection,
    user_id: UserId,
    id: NotificationId,
    at: DateTime<Utc>,
) -> Result<Option<Notification>, sqlx::Error> {
    sqlx::query_as!(
        Notification,
        "update notifications set read_at = coalesce(read_at, $3) where id = $1 and user_id = $2
         returning id, kind, order_id, title, body, created_at, read_at, mail",
        id.uuid(),
        user_id.uuid(),
        at
    )
    .fetch_optional(connection)
    .await
}
