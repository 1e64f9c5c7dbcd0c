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
        Effect::Sell => {
            store::set_state(tx, order_id, State::Sold).await?;
            move_stock(tx, order_id, Movement::Sell, &items).await
        }
        Effect::Close => {
            store::set_state(tx, order_id, State::Closed).await?;
            emit_released(tx, order_id, &[]).await
        }
        Effect::Release => give_back(tx, order_id, Movement::Release, &items).await,
        Effect::Return => give_back(tx, order_id, Movement::Return, &items).await,
        Effect::RepeatReleased => {
            let released: &[Item] = if state == State::Released { &items } else { &[] };
            emit_released(tx, order_id, released).await
        }
    }
}

/// Decides by the stock as it is seen, and takes it last. If another order has taken it in between, the event is applied again
/// at once, and sees what is left.
async fn reserve(tx: &mut Tx, order_id: OrderId, items: &[Item]) -> Result<(), Failure> {
    store::set_items(tx, order_id, items).await?;
    let levels = store::stock_levels(tx, items).await?;
    match check_availability(items, &levels) {
        Ok(()) => {
            store::set_state(tx, order_id, State::Reserved).await?;
            tx.emit(&InventoryReserved { order_id, items }).await?;
            move_stock(tx, order_id, Movement::Reserve, items).await
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
            Ok(())
        }
    }
}

async fn give_back(tx: &mut Tx, order_id: OrderId, movement: Movement, items: &[Item]) -> Result<(), Failure> {
    store::set_state(tx, order_id, State::Released).await?;
    emit_released(tx, order_id, items).await?;
    move_stock(tx, order_id, movement, items).await
}

/// Moves the stock. It is the last statement of the transaction, since it locks the products for all other orders.
async fn move_stock(tx: &mut Tx, order_id: OrderId, movement: Movement, items: &[Item]) -> Result<(), Failure> {
    if store::move_stock(tx, order_id, movement, items).await? {
        Ok(())
    } else {
        Err(Failure::conflict(format!(
            "the stock of order {order_id} was taken meanwhile"
        )))
    }
}

async fn emit_released(tx: &mut Tx, order_id: OrderId, items: &[Item]) -> Result<(), Failure> {
    tx.emit(&InventoryReleased { order_id, items }).await?;
    Ok(())
}
