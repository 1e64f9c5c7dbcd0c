//! Every cell of the table, every sequence of inputs up to seven, and the rules of the stock.

use super::{
    ids::ProductId,
    stock::{Item, Missing, Movement, Reason, StockLevel, check_availability, merge},
    *,
};
use std::num::NonZeroU32;
use uuid::Uuid;

fn product(number: u128) -> ProductId {
    Uuid::from_u128(number).into()
}

fn item(number: u128, quantity: i64) -> Item {
    Item {
        product_id: product(number),
        quantity,
    }
}

fn level(number: u128, available: i64) -> StockLevel {
    StockLevel {
        product_id: product(number),
        active: true,
        available,
    }
}

#[test]
fn every_cell_of_the_table_has_its_effect() {
    use Effect::{Close, Ignore, Release, RepeatReleased, Reserve, Return, Sell};
    let items = vec![item(1, 2)];
    let placed = Input::OrderPlaced { items: items.clone() };
    let reserve = Reserve { items };
    // `None`: the input is refused.
    #[rustfmt::skip]
    let rows = [
        //                             none                 reserved       rejected      sold                  closed                released
        (placed,                       [Some(reserve),      Some(Ignore),  Some(Ignore), Some(Ignore),         Some(Ignore),         Some(Ignore)]),
        (Input::OrderConfirmed,        [None,               Some(Sell),    None,         Some(Ignore),         Some(Ignore),         Some(Ignore)]),
        (Input::OrderEnded,            [Some(Close),        Some(Release), Some(Close),  Some(Return),         Some(Ignore),         Some(Ignore)]),
        (Input::CompensationRequested, [Some(Close),        Some(Release), Some(Close),  Some(Return),         Some(RepeatReleased), Some(RepeatReleased)]),
    ];
    for (input, effects) in rows {
        assert_eq!(effects.len(), State::ALL.len());
        for (state, effect) in State::ALL.iter().copied().zip(effects) {
            let refusal = Refusal {
                state,
                input: input.clone(),
            };
            assert_eq!(
                decide(state, input.clone()),
                effect.ok_or(refusal),
                "{input:?} in {state}"
            );
        }
    }
}

/// One order for two pieces of one product, in memory: effects are applied as `transition` applies them to the database.
#[derive(Clone)]
struct Model {
    state: State,
    in_stock: i64,
    available: i64,
    reserved: i64,
    sold: i64,
    was_reserved: bool,
    ended: bool,
    confirmed: bool,
    released_events: u32,
    /// Events that answer `order.placed`.
    placed_answers: u32,
}

impl Model {
    fn new(in_stock: i64) -> Self {
        Self {
            state: State::None,
            in_stock,
            available: in_stock,
            reserved: 0,
            sold: 0,
            was_reserved: false,
            ended: false,
            confirmed: false,
            released_events: 0,
            placed_answers: 0,
        }
    }

    fn move_stock(&mut self, movement: Movement) {
        let change = movement.change();
        self.available += 2 * change.available;
        self.reserved += 2 * change.reserved;
        self.sold += 2 * change.sold;
    }

    fn apply(&mut self, input: Input) {
        match input {
            Input::OrderConfirmed => self.confirmed = true,
            Input::OrderEnded | Input::CompensationRequested => self.ended = true,
            Input::OrderPlaced { .. } => {}
        }
        match decide(self.state, input).unwrap_or_else(|refusal| panic!("{refusal}")) {
            Effect::Ignore => {}
            Effect::Reserve { items } => {
                self.placed_answers += 1;
                self.state = State::Rejected;
                if check_availability(&items, &[level(1, self.available)]).is_ok() {
                    self.move_stock(Movement::Reserve);
                    self.state = State::Reserved;
                    self.was_reserved = true;
                }
            }
            Effect::Sell => {
                self.move_stock(Movement::Sell);
                self.state = State::Sold;
            }
            Effect::Close => self.release(State::Closed),
            Effect::Release => {
                self.move_stock(Movement::Release);
                self.release(State::Released);
            }
            Effect::Return => {
                self.move_stock(Movement::Return);
                self.release(State::Released);
            }
            Effect::RepeatReleased => self.released_events += 1,
        }
    }

    fn release(&mut self, state: State) {
        self.state = state;
        self.released_events += 1;
    }

    fn check(&self, history: &[Input]) {
        assert_eq!(self.in_stock, self.available + self.reserved + self.sold, "{history:?}");
        assert!(
            self.available >= 0 && self.reserved >= 0 && self.sold >= 0,
            "{history:?}"
        );
        assert!(self.placed_answers <= 1, "answered order.placed twice: {history:?}");
        if self.ended {
            assert!(matches!(self.state, State::Closed | State::Released), "{history:?}");
            assert_eq!(
                (self.available, self.reserved, self.sold),
                (self.in_stock, 0, 0),
                "{history:?}"
            );
            assert!(self.released_events >= 1, "{history:?}");
        } else if self.confirmed {
            assert_eq!((self.state, self.sold), (State::Sold, 2), "{history:?}");
        } else if self.was_reserved {
            assert_eq!((self.state, self.reserved), (State::Reserved, 2), "{history:?}");
        }
    }

    /// Applies every possible next input, recursively to the given depth. Returns the number of histories.
    fn explore(&self, history: &mut Vec<Input>, depth: u32) -> u32 {
        self.check(history);
        let mut histories = 1;
        if depth == 0 {
            return histories;
        }
        for input in [
            Input::OrderPlaced {
                items: vec![item(1, 2)],
            },
            Input::OrderConfirmed,
            Input::OrderEnded,
            Input::CompensationRequested,
        ] {
            // order-service confirms only an order whose stock is reserved. It requests compensation only after the order
            // has ended, but the event of the end may arrive later than the request, or never.
            if input == Input::OrderConfirmed && !self.was_reserved {
                continue;
            }
            let mut next = self.clone();
            history.push(input.clone());
            next.apply(input);
            histories += next.explore(history, depth - 1);
            history.pop();
        }
        histories
    }
}

#[test]
fn stock_adds_up_after_every_sequence_of_inputs_and_duplicates() {
    for in_stock in [0, 1, 2, 5] {
        let histories = Model::new(in_stock).explore(&mut Vec::new(), 7);
        assert!(histories > 3_000, "only {histories} histories were explored");
    }
}

#[test]
fn a_rejection_lists_all_that_is_missing_and_the_most_severe_reason() {
    let items = [item(1, 3), item(2, 1), item(3, 1), item(4, 1)];
    let inactive = StockLevel {
        active: false,
        ..level(2, 9)
    };
    let rejection = check_availability(&items, &[level(1, 2), inactive, level(4, 1)]).unwrap_err();
    assert_eq!(rejection.reason, Reason::UnknownProduct);
    let missing: Vec<_> = rejection
        .missing
        .iter()
        .map(
            |Missing {
                 requested, available, ..
             }| (*requested, *available),
        )
        .collect();
    assert_eq!(missing, [(3, 2), (1, 0), (1, 0)]);

    let rejection = check_availability(&items[..2], &[level(1, 2), inactive]).unwrap_err();
    assert_eq!(rejection.reason, Reason::InactiveProduct);
    let rejection = check_availability(&items[..1], &[level(1, 2)]).unwrap_err();
    assert_eq!(rejection.reason, Reason::OutOfStock);
    assert_eq!(check_availability(&items[..1], &[level(1, 3)]), Ok(()));
}

#[test]
fn lines_of_one_product_add_up_and_items_are_in_the_order_of_product_ids() {
    let quantity = |count| NonZeroU32::new(count).unwrap();
    let merged = merge([
        (product(2), quantity(1)),
        (product(1), quantity(u32::MAX)),
        (product(2), quantity(4)),
    ]);
    assert_eq!(merged, [item(1, i64::from(u32::MAX)), item(2, 5)]);
}

#[test]
fn every_movement_conserves_the_pieces() {
    for movement in Movement::ALL {
        let change = movement.change();
        assert_eq!(change.available + change.reserved + change.sold, 0, "{movement}");
    }
}
