//! Applies the effects that [`decide`] chooses: state, stock and events, all in the transaction of the consumed event.

use crate::{
    domain::{
        Effect, Input, State, decide,
        ids::OrderId,
        stock::{Item, Movement, check_availability},
    },
    published::{InventoryRejected, InventoryReleased, InventoryReserved},
    store::{self, Reservation},
};
use messaging::{Failure, Tx};

/// Locks the order's reservation, decides the effect of an input on it, and applies the effect.
pub async fn apply(tx: &mut Tx, order_id: OrderId, input: Input) -> Result<(), Failure> {
    let Reservation { state, items } = store::lock_reservation(tx, order_id).await?;
    let effect = decide(state, input).map_err(|refusal| Failure::permanent(format!("order {order_id}: {refusal}")))?;
    match effect {
        Effect::Ignore => Ok(()),
        Effect::Reserve { items } => reserve(tx, order_id, &items).await,
        Effect::Sell => move_stock(tx, order_id, Movement::Sell, &items, State::Sold).await,
        Effect::Close => {
            store::set_state(tx, order_id, State::Closed).await?;
            emit_released(tx, order_id, &[]).await
        }
        Effect::Release => {
            move_stock(tx, order_id, Movement::Release, &items, State::Released).await?;
            emit_released(tx, order_id, &items).await
        }
        Effect::Return => {
            move_stock(tx, order_id, Movement::Return, &items, State::Released).await?;
            emit_released(tx, order_id, &items).await
        }
        Effect::RepeatReleased => {
            let released: &[Item] = if state == State::Released { &items } else { &[] };
            emit_released(tx, order_id, released).await
        }
    }
}

async fn reserve(tx: &mut Tx, order_id: OrderId, items: &[Item]) -> Result<(), Failure> {
    store::set_items(tx, order_id, items).await?;
    let levels = store::lock_stock_levels(tx, items).await?;
    match check_availability(items, &levels) {
        Ok(()) => {
            store::move_stock(tx, order_id, Movement::Reserve, items).await?;
            store::set_state(tx, order_id, State::Reserved).await?;
            tx.emit(&InventoryReserved { order_id, items }).await?;
        }
        Err(rejection) => {
            store::set_state(tx, order_id, State::Rejected).await?;
            let rejected = InventoryRejected {
                order_id,
                items,
                reason: rejection.reason,
                missing: &rejection.missing,
            };
            tx.emit(&rejected).await?;
        }
    }
    Ok(())
}

async fn move_stock(
    tx: &mut Tx,
    order_id: OrderId,
    movement: Movement,
    items: &[Item],
    state: State,
) -> Result<(), Failure> {
    store::lock_stock_levels(tx, items).await?;
    store::move_stock(tx, order_id, movement, items).await?;
    store::set_state(tx, order_id, state).await?;
    Ok(())
}

async fn emit_released(tx: &mut Tx, order_id: OrderId, items: &[Item]) -> Result<(), Failure> {
    tx.emit(&InventoryReleased { order_id, items }).await?;
    Ok(())
}
