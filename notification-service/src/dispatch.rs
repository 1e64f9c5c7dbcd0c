//! Decides when the mail of a notification is due.
//!
//! A notification is written down as waiting and becomes due once the order's owner and their address are both known.
//! Whoever brings the last missing piece makes it due, in the same transaction, so nothing is ever requeued for order's
//! sake. Two transactions that each bring one piece must not miss each other: both hold the lock of the order or of the
//! user meanwhile, always the order's first.

use crate::{App, domain::Notice, mail, store};
use shared::{context::Context, database::Tx, messaging::envelope::Envelope};
use uuid::Uuid;

/// Tells `user_id`, the owner of `order_id`, what happened to it.
pub(crate) async fn tell_owner(
    app: &App,
    tx: &mut Tx,
    event: &Envelope,
    (order_id, user_id): (Uuid, Uuid),
    notice: &Notice,
) -> Result<(), sqlx::Error> {
    owner_known(tx, order_id, user_id).await?;
    record(app, tx, event, (order_id, Some(user_id)), notice).await
}

/// Tells the owner of `order_id` what happened to it, on the word of an event that does not say who that is.
pub(crate) async fn tell_owner_of(
    app: &App,
    tx: &mut Tx,
    event: &Envelope,
    order_id: Uuid,
    notice: &Notice,
) -> Result<(), sqlx::Error> {
    store::lock(tx, order_id).await?;
    let owner = store::owner(tx, order_id).await?;
    if let Some(user_id) = owner {
        store::lock(tx, user_id).await?;
    }
    record(app, tx, event, (order_id, owner), notice).await
}

/// Remembers whose order it is, and releases what waited to know it. Leaves both locked.
pub(crate) async fn owner_known(tx: &mut Tx, order_id: Uuid, user_id: Uuid) -> Result<(), sqlx::Error> {
    store::lock(tx, order_id).await?;
    store::lock(tx, user_id).await?;
    if store::remember_owner(tx, order_id, user_id).await? && store::adopt(tx, order_id, user_id).await? {
        release(tx, user_id).await?;
    }
    Ok(())
}

/// Remembers where a user's mail goes unless something newer is known, and releases what waited for it.
pub(crate) async fn contact_known(tx: &mut Tx, contact: &store::Contact<'_>) -> Result<(), sqlx::Error> {
    store::lock(tx, contact.user_id).await?;
    store::remember_contact(tx, contact).await?;
    release(tx, contact.user_id).await
}

async fn record(
    app: &App,
    tx: &mut Tx,
    event: &Envelope,
    (order_id, user_id): (Uuid, Option<Uuid>),
    notice: &Notice,
) -> Result<(), sqlx::Error> {
    let created_at = shared::clock::now();
    let notification = store::NewNotification {
        id: shared::id::new(),
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
        release(tx, user_id).await?;
    }
    Ok(())
}

/// Makes all that waits for this user due, if their address is known. The caller holds the user's lock.
async fn release(tx: &mut Tx, user_id: Uuid) -> Result<(), sqlx::Error> {
    if !store::has_contact(tx, user_id).await? {
        return Ok(());
    }
    let current = tx.context().clone();
    for due in store::make_due(tx, user_id).await? {
        // The mail belongs to the story of the order, not of whoever brought the missing piece.
        tx.set_context(Context::caused_by(
            due.correlation_id,
            due.event_id.to_string(),
            current.traceparent.clone(),
        ));
        tx.intend(
            mail::KIND,
            due.id,
            due.order_id,
            &serde_json::json!({ "kind": due.kind }),
        )
        .await?;
    }
    tx.set_context(current);
    Ok(())
}
