//! All SQL of this service.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// Where a user's mail goes.
pub(crate) struct Contact<'a> {
    pub(crate) user_id: Uuid,
    pub(crate) email: &'a str,
    pub(crate) name: &'a str,
    pub(crate) sequence: i64,
}

/// A notification that is about to be written down.
pub(crate) struct NewNotification<'a> {
    pub(crate) id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) kind: &'a str,
    pub(crate) order_id: Uuid,
    pub(crate) user_id: Option<Uuid>,
    pub(crate) title: &'a str,
    pub(crate) body: &'a str,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) waits_until: DateTime<Utc>,
    pub(crate) correlation_id: &'a str,
}

/// A notification whose mail has just become due.
pub(crate) struct Due {
    pub(crate) id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) kind: String,
    pub(crate) order_id: Uuid,
    pub(crate) correlation_id: String,
}

/// All that a mail is made of.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) event_id: Uuid,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) created_at: DateTime<Utc>,
}

/// A notification as its owner sees it, in an answer too.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) order_id: Uuid,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) read_at: Option<DateTime<Utc>>,
    pub(crate) mail: String,
}

/// A notification that was waited for in vain.
pub(crate) struct Expired {
    pub(crate) order_id: Uuid,
    pub(crate) correlation_id: String,
    pub(crate) owner_known: bool,
}

/// How many mails wait, and since when; how many failed.
pub(crate) struct Tally {
    pub(crate) waiting: i64,
    pub(crate) oldest_waiting_at: Option<DateTime<Utc>>,
    pub(crate) failed: i64,
}

/// Makes the transactions about one order or one user take turns. Two ids that share a hash only wait for each other.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('notification ' || $1::text, 0))",
        id.to_string()
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

pub(crate) async fn owner(connection: &mut PgConnection, order_id: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!("select user_id from order_owners where order_id = $1", order_id)
        .fetch_optional(connection)
        .await
}

/// Whether that was news.
pub(crate) async fn remember_owner(
    connection: &mut PgConnection,
    order_id: Uuid,
    user_id: Uuid,
) -> Result<bool, sqlx::Error> {
    let insert = sqlx::query!(
        "insert into order_owners (order_id, user_id) values ($1, $2) on conflict (order_id) do nothing",
        order_id,
        user_id
    );
    Ok(insert.execute(connection).await?.rows_affected() > 0)
}

/// Gives an order's notifications to its owner. Whether there were any.
pub(crate) async fn adopt(connection: &mut PgConnection, order_id: Uuid, user_id: Uuid) -> Result<bool, sqlx::Error> {
    let update = sqlx::query!(
        "update notifications set user_id = $2 where order_id = $1 and user_id is null",
        order_id,
        user_id
    );
    Ok(update.execute(connection).await?.rows_affected() > 0)
}

pub(crate) async fn remember_contact(connection: &mut PgConnection, contact: &Contact<'_>) -> Result<(), sqlx::Error> {
    let upsert = sqlx::query!(
        "insert into contacts (user_id, email, name, sequence) values ($1, $2, $3, $4)
         on conflict (user_id) do update set email = excluded.email, name = excluded.name, sequence = excluded.sequence
         where contacts.sequence < excluded.sequence",
        contact.user_id,
        contact.email,
        contact.name,
        contact.sequence
    );
    upsert.execute(connection).await?;
    Ok(())
}

pub(crate) async fn has_contact(connection: &mut PgConnection, user_id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (select from contacts where user_id = $1) as "known!""#,
        user_id
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
        new.id,
        new.event_id,
        new.kind,
        new.order_id,
        new.user_id,
        new.title,
        new.body,
        new.created_at,
        new.waits_until,
        new.correlation_id
    );
    insert.execute(connection).await?;
    Ok(())
}

/// Makes the mails that wait for this user due, and says which.
pub(crate) async fn make_due(connection: &mut PgConnection, user_id: Uuid) -> Result<Vec<Due>, sqlx::Error> {
    sqlx::query_as!(
        Due,
        "update notifications set mail = 'pending' where user_id = $1 and mail = 'waiting'
         returning id, event_id, kind, order_id, correlation_id",
        user_id
    )
    .fetch_all(connection)
    .await
}

/// What the mail of a notification says and where it goes today; `None` when there is nothing more to send.
pub(crate) async fn pending_letter(connection: &mut PgConnection, id: Uuid) -> Result<Option<Letter>, sqlx::Error> {
    sqlx::query_as!(
        Letter,
        "select event_id, email, name, title, body, created_at
         from notifications join contacts using (user_id)
         where id = $1 and mail = 'pending'",
        id
    )
    .fetch_optional(connection)
    .await
}

/// Records that a mail was sent, or why it never will be.
pub(crate) async fn settle(
    connection: &mut PgConnection,
    id: Uuid,
    failure: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let update = sqlx::query!(
        "update notifications
         set mail = case when $2::text is null then 'sent' else 'failed' end, mail_failure = $2, mail_settled_at = $3
         where id = $1 and mail = 'pending'",
        id,
        failure,
        at
    );
    update.execute(connection).await?;
    Ok(())
}

/// Gives up the mails whose deadline has passed, a limited number at a time.
pub(crate) async fn expire(connection: &mut PgConnection, at: DateTime<Utc>) -> Result<Vec<Expired>, sqlx::Error> {
    sqlx::query_as!(
        Expired,
        r#"update notifications
           set mail = 'failed', mail_settled_at = $1,
               mail_failure = case when user_id is null then 'the owner of the order was never told of'
                                   else 'the address of the user was never told of' end
           where id in (select id from notifications where mail = 'waiting' and waits_until <= $1
                        order by waits_until limit 500 for update skip locked)
           returning order_id, correlation_id, user_id is not null as "owner_known!""#,
        at
    )
    .fetch_all(connection)
    .await
}

pub(crate) async fn tally(connection: &mut PgConnection) -> Result<Tally, sqlx::Error> {
    sqlx::query_as!(
        Tally,
        r#"select count(*) filter (where mail = 'waiting') as "waiting!",
                  min(created_at) filter (where mail = 'waiting') as oldest_waiting_at,
                  count(*) filter (where mail = 'failed') as "failed!"
           from notifications where mail in ('waiting', 'failed')"#
    )
    .fetch_one(connection)
    .await
}

/// A user's notifications, newest first, those older than `before`.
pub(crate) async fn list(
    connection: &mut PgConnection,
    user_id: Uuid,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Notification>, sqlx::Error> {
    sqlx::query_as!(
        Notification,
        "select id, kind, order_id, title, body, created_at, read_at, mail from notifications
         where user_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3",
        user_id,
        before,
        limit
    )
    .fetch_all(connection)
    .await
}

/// Marks a user's notification as read, the first time; `None` if they have none of that id.
pub(crate) async fn mark_read(
    connection: &mut PgConnection,
    user_id: Uuid,
    id: Uuid,
    at: DateTime<Utc>,
) -> Result<Option<Notification>, sqlx::Error> {
    sqlx::query_as!(
        Notification,
        "update notifications set read_at = coalesce(read_at, $3) where id = $1 and user_id = $2
         returning id, kind, order_id, title, body, created_at, read_at, mail",
        id,
        user_id,
        at
    )
    .fetch_optional(connection)
    .await
}
