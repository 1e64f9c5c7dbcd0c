//! Writes notifications, and enqueues each one's mail once it can be addressed.
//!
//! A mail waits until the order's owner and the owner's address are both known. The transaction that adds the last missing
//! piece enqueues it, so an event is never redelivered because another has not arrived yet. Two transactions that add a piece
//! each must see one another: both hold the lock of the order, or of the user, which the events of orders share and a change
//! of the address excludes. The order's comes always first, so they cannot deadlock.

use crate::{
    app::App,
    domain::{Notice, NotificationId, OrderId, OwnedOrder, UserId},
    send_mail::SendMail,
    store,
};
use kernel::{clock, context::Context};
use messaging::{Envelope, Tx};

/// Notifies an order's owner.
pub(crate) async fn notify_owner(
    app: &App,
    tx: &mut Tx,
    event: &Envelope,
    order: OwnedOrder,
    notice: &Notice,
) -> Result<(), sqlx::Error> {
    record_owner(tx, order).await?;
    insert(app, tx, event, (order.order_id, Some(order.user_id)), notice).await
}

/// Notifies the owner of an order whose event does not name the owner. An unknown owner is notified once known.
pub(crate) async fn notify_owner_of(
    app: &App,
    tx: &mut Tx,
    event: &Envelope,
    order_id: OrderId,
    notice: &Notice,
) -> Result<(), sqlx::Error> {
    store::lock_order(tx, order_id).await?;
    let owner = store::owner(tx, order_id).await?;
    if let Some(user_id) = owner {
        store::lock_user_shared(tx, user_id).await?;
    }
    insert(app, tx, event, (order_id, owner), notice).await
}

/// Records the owner of an order, and enqueues the mails that waited for the owner. Leaves the order locked, and the user
/// shared.
pub(crate) async fn record_owner(tx: &mut Tx, order: OwnedOrder) -> Result<(), sqlx::Error> {
    let OwnedOrder { order_id, user_id } = order;
    store::lock_order(tx, order_id).await?;
    store::lock_user_shared(tx, user_id).await?;
    if store::insert_owner(tx, order).await? && store::assign_owner(tx, order).await? {
        enqueue_mails(tx, user_id).await?;
    }
    Ok(())
}

/// Records a user's address unless a newer one is known, and enqueues the mails that waited for it.
pub(crate) async fn record_contact(tx: &mut Tx, contact: &store::Contact<'_>) -> Result<(), sqlx::Error> {
    store::lock_user(tx, contact.user_id).await?;
    store::upsert_contact(tx, contact).await?;
    enqueue_mails(tx, contact.user_id).await
}

async fn insert(
    app: &App,
    tx: &mut Tx,
    event: &Envelope,
    (order_id, user_id): (OrderId, Option<UserId>),
    notice: &Notice,
) -> Result<(), sqlx::Error> {
    let created_at = clock::now();
    let notification = store::NewNotification {
        id: NotificationId::new(),
        event_id: event.metadata.event_id,
        kind: &event.event_type,
        order_id,
        user_id,
        title: notice.title(),
        body: &notice.text(order_id),
        created_at,
        waits_until: created_at + app.wait_max,
        correlation_id: &event.metadata.correlation_id,
    };
    store::insert_waiting(tx, &notification).await?;
    if let Some(user_id) = user_id {
        enqueue_mails(tx, user_id).await?;
    }
    Ok(())
}

/// Enqueues every mail that waits for this user, if the user's address is known. The caller holds the user's
/// lock, alone or shared.
async fn enqueue_mails(tx: &mut Tx, user_id: UserId) -> Result<(), sqlx::Error> {
    if !store::has_contact(tx, user_id).await? {
        return Ok(());
    }
    let current = tx.context().clone();
    for due in store::make_due(tx, user_id).await? {
        // The mail keeps the correlation id of its order, not of the event that added the missing piece.
        tx.set_context(Context::caused_by(
            due.correlation_id,
            due.event_id.to_string(),
            current.traceparent.clone(),
        ));
        let job = SendMail { kind: due.kind };
        tx.enqueue(due.id.uuid(), due.order_id.uuid(), &job).await?;
    }
    tx.set_context(current);
    Ok(())
}
