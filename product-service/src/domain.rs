//! The stock side of the saga as a table of states and inputs, without a database or a broker.

pub mod currency;
pub mod ids;
pub mod product;
pub mod stock;

use stock::Item;

kernel::text_enum! {
    /// The state of an order's stock. Each order has one row, which is kept without limit.
    pub enum State {
        /// No event has taken effect yet.
        None = "none",
        /// The items are held for the order.
        Reserved = "reserved",
        /// At least one item was not available, and nothing is held.
        Rejected = "rejected",
        Sold = "sold",
        /// The order ended before anything was held.
        Closed = "closed",
        /// The order ended, and the items that were held or sold are back in stock.
        Released = "released",
    }
}

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    OrderPlaced {
        items: Vec<Item>,
    },
    OrderConfirmed,
    /// The order failed or was cancelled.
    OrderEnded,
    /// The order has ended, and order-service still waits for the answer.
    CompensationRequested,
}

/// The consequence of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the input repeats what is known, or comes too late.
    Ignore,
    /// Reserves the items if all are available ([`stock::check_availability`]), or rejects the order; publishes
    /// `inventory.reserved` or `inventory.rejected`.
    Reserve { items: Vec<Item> },
    /// Turns the reservation into a sale.
    Sell,
    /// Moves to closed and publishes `inventory.released` without items: nothing is held.
    Close,
    /// Returns the reserved items to stock and publishes `inventory.released`.
    Release,
    /// Returns the sold items to stock and publishes `inventory.released`.
    Return,
    /// Publishes `inventory.released` again.
    RepeatReleased,
}

/// An input that cannot occur in a state while all services keep the protocol. It needs an operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{input:?} cannot occur in state {state}: the order's stock was never reserved")]
pub struct Refusal {
    pub state: State,
    pub input: Input,
}

/// Decides the effect of an input in a state.
#[expect(clippy::match_same_arms, reason = "the arms are the cells of the table, row by row")]
pub fn decide(state: State, input: Input) -> Result<Effect, Refusal> {
    use State::{Closed, None, Rejected, Released, Reserved, Sold};
    let effect = match (input, state) {
        (Input::OrderPlaced { items }, None) => Effect::Reserve { items },
        (Input::OrderPlaced { .. }, Reserved | Rejected | Sold | Closed | Released) => Effect::Ignore,

        // order-service confirms an order only after `inventory.reserved`.
        (input @ Input::OrderConfirmed, None | Rejected) => return Err(Refusal { state, input }),
        (Input::OrderConfirmed, Reserved) => Effect::Sell,
        (Input::OrderConfirmed, Sold | Closed | Released) => Effect::Ignore,

        (Input::OrderEnded | Input::CompensationRequested, None | Rejected) => Effect::Close,
        (Input::OrderEnded | Input::CompensationRequested, Reserved) => Effect::Release,
        (Input::OrderEnded | Input::CompensationRequested, Sold) => Effect::Return,
        (Input::OrderEnded, Closed | Released) => Effect::Ignore,
        (Input::CompensationRequested, Closed | Released) => Effect::RepeatReleased,
    };
    Ok(effect)
}

#[cfg(test)]
mod tests;
