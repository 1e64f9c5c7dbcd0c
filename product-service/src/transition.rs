//! Carries out what [`domain::on`] decides: rows, stock and answers, all in the transaction of the event.

use crate::{
    domain::{self, Decision, Fact, Item, Movement, State},
    events::published::{Rejected, Released, Reserved},
    store::{self, Reservation},
};
use shared::{database::Tx, messaging::failure::Failure};
use uuid::Uuid;

/// Learns a fact about an order.
pub async fn learn(tx: &mut Tx, order_id: Uuid, fact: Fact) -> Result<(), Failure> {
    let Reservation { state, items } = store::lock_reservation(tx, order_id).await?;
    match domain::on(state, fact) {
        Decision::Nothing => Ok(()),
        Decision::Reserve(items) => reserve(tx, order_id, &items).await,
        Decision::Sell => move_all(tx, order_id, Movement::Sell, &items, State::Sold).await,
        Decision::Close => {
            store::set_state(tx, order_id, State::Closed).await?;
            answer_released(tx, order_id, &[]).await
        }
        Decision::Release => {
            move_all(tx, order_id, Movement::Release, &items, State::Released).await?;
            answer_released(tx, order_id, &items).await
        }
        Decision::Return => {
            move_all(tx, order_id, Movement::Return, &items, State::Released).await?;
            answer_released(tx, order_id, &items).await
        }
        Decision::Repeat => {
            let released: &[Item] = if state == State::Released { &items } else { &[] };
            answer_released(tx, order_id, released).await
        }
        Decision::Impossible => Err(Failure::permanent(format!(
            "order {order_id} is confirmed, but its stock is in state {state:?}: it was never reserved here"
        ))),
    }
}

async fn reserve(tx: &mut Tx, order_id: Uuid, items: &[Item]) -> Result<(), Failure> {
    store::set_items(tx, order_id, items).await?;
    let shelves = store::lock_shelves(tx, items).await?;
    match domain::reserve(items, &shelves) {
        Ok(()) => {
            store::move_stock(tx, order_id, Movement::Reserve, items).await?;
            store::set_state(tx, order_id, State::Reserved).await?;
            tx.emit("inventory.reserved", order_id, &Reserved { order_id, items })
                .await?;
        }
        Err(rejection) => {
            store::set_state(tx, order_id, State::Rejected).await?;
            let rejected = Rejected {
                order_id,
                items,
                reason: rejection.reason,
                missing: &rejection.missing,
            };
            tx.emit("inventory.rejected", order_id, &rejected).await?;
        }
    }
    Ok(())
}

async fn move_all(
    tx: &mut Tx,
    order_id: Uuid,
    movement: Movement,
    items: &[Item],
    state: State,
) -> Result<(), Failure> {
    store::lock_shelves(tx, items).await?;
    store::move_stock(tx, order_id, movement, items).await?;
    store::set_state(tx, order_id, state).await?;
    Ok(())
}

async fn answer_released(tx: &mut Tx, order_id: Uuid, items: &[Item]) -> Result<(), Failure> {
    tx.emit("inventory.released", order_id, &Released { order_id, items })
        .await?;
    Ok(())
}
