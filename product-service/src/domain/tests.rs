//! Every cell of the table, and every order in which the facts about one order can meet.

use super::*;

const STATES: [State; 6] = [
    State::None,
    State::Reserved,
    State::Rejected,
    State::Sold,
    State::Closed,
    State::Released,
];

fn item(number: u128, quantity: i64) -> Item {
    Item {
        product_id: Uuid::from_u128(number),
        quantity,
    }
}

fn shelf(number: u128, available: i64) -> Shelf {
    Shelf {
        product_id: Uuid::from_u128(number),
        active: true,
        available,
    }
}

#[test]
fn every_cell_of_the_table() {
    use Decision::{Close, Impossible, Nothing, Release, Repeat, Reserve, Return, Sell};
    let items = vec![item(1, 2)];
    #[rustfmt::skip]
    let rows = [
        //                            none            reserved  rejected    sold     closed   released
        (Fact::Placed(items.clone()), [Reserve(items), Nothing, Nothing,    Nothing, Nothing, Nothing]),
        (Fact::Confirmed,             [Impossible,     Sell,    Impossible, Nothing, Nothing, Nothing]),
        (Fact::Ended,                 [Close,          Release, Close,      Return,  Nothing, Nothing]),
        (Fact::CompensationRequested, [Close,          Release, Close,      Return,  Repeat,  Repeat]),
    ];
    for (fact, decisions) in rows {
        for (state, decision) in STATES.into_iter().zip(decisions) {
            assert_eq!(on(state, fact.clone()), decision, "{fact:?} in {state:?}");
        }
    }
}

/// One order against a shelf, driven by facts as the transition module drives the database.
#[derive(Clone)]
struct World {
    state: State,
    in_stock: i64,
    available: i64,
    reserved: i64,
    sold: i64,
    was_reserved: bool,
    ended: bool,
    confirmed: bool,
    released_events: u32,
    answers: u32,
}

impl World {
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
            answers: 0,
        }
    }

    fn move_pieces(&mut self, movement: Movement) {
        let change = movement.change();
        self.available += 2 * change.available;
        self.reserved += 2 * change.reserved;
        self.sold += 2 * change.sold;
    }

    fn learn(&mut self, fact: Fact) {
        match fact {
            Fact::Confirmed => self.confirmed = true,
            Fact::Ended | Fact::CompensationRequested => self.ended = true,
            Fact::Placed(_) => {}
        }
        match on(self.state, fact) {
            Decision::Nothing => {}
            Decision::Reserve(items) => {
                self.answers += 1;
                self.state = State::Rejected;
                if reserve(&items, &[shelf(1, self.available)]).is_ok() {
                    self.move_pieces(Movement::Reserve);
                    self.state = State::Reserved;
                    self.was_reserved = true;
                }
            }
            Decision::Sell => {
                self.move_pieces(Movement::Sell);
                self.state = State::Sold;
            }
            Decision::Close => self.release(State::Closed),
            Decision::Release => {
                self.move_pieces(Movement::Release);
                self.release(State::Released);
            }
            Decision::Return => {
                self.move_pieces(Movement::Return);
                self.release(State::Released);
            }
            Decision::Repeat => self.released_events += 1,
            Decision::Impossible => panic!("a fact met an impossible state, {:?}", self.state),
        }
    }

    fn release(&mut self, state: State) {
        self.state = state;
        self.released_events += 1;
    }

    fn check(&self, history: &[Fact]) {
        assert_eq!(self.in_stock, self.available + self.reserved + self.sold, "{history:?}");
        assert!(
            self.available >= 0 && self.reserved >= 0 && self.sold >= 0,
            "{history:?}"
        );
        assert!(self.answers <= 1, "answered order.placed twice: {history:?}");
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

    /// Tries every next fact that can arrive, to the given depth; returns how many histories that were.
    fn explore(&self, history: &mut Vec<Fact>, depth: u32) -> u32 {
        self.check(history);
        let mut histories = 1;
        if depth == 0 {
            return histories;
        }
        for fact in [
            Fact::Placed(vec![item(1, 2)]),
            Fact::Confirmed,
            Fact::Ended,
            Fact::CompensationRequested,
        ] {
            // order-service confirms only what was reserved; and compensation is asked for only after an end, but
            // that end may arrive later than the request, or never.
            if fact == Fact::Confirmed && !self.was_reserved {
                continue;
            }
            let mut next = self.clone();
            history.push(fact.clone());
            next.learn(fact);
            histories += next.explore(history, depth - 1);
            history.pop();
        }
        histories
    }
}

#[test]
fn every_order_of_facts_and_duplicates_ends_agreed() {
    for in_stock in [0, 1, 2, 5] {
        let histories = World::new(in_stock).explore(&mut Vec::new(), 7);
        assert!(histories > 3_000, "only {histories} histories were tried");
    }
}

#[test]
fn a_rejection_names_everything_that_is_missing_and_the_gravest_reason() {
    let items = [item(1, 3), item(2, 1), item(3, 1), item(4, 1)];
    let inactive = Shelf {
        active: false,
        ..shelf(2, 9)
    };
    let rejection = reserve(&items, &[shelf(1, 2), inactive, shelf(4, 1)]).unwrap_err();
    assert_eq!(rejection.reason, Reason::UnknownProduct);
    let missing: Vec<_> = rejection
        .missing
        .iter()
        .map(|missing| (missing.requested, missing.available))
        .collect();
    assert_eq!(missing, [(3, 2), (1, 0), (1, 0)]);

    let rejection = reserve(&items[..2], &[shelf(1, 2), inactive]).unwrap_err();
    assert_eq!(rejection.reason, Reason::InactiveProduct);
    assert_eq!(
        reserve(&items[..1], &[shelf(1, 2)]).unwrap_err().reason,
        Reason::OutOfStock
    );
    assert_eq!(reserve(&items[..1], &[shelf(1, 3)]), Ok(()));
}

#[test]
fn lines_of_one_product_count_together_and_stand_in_id_order() {
    let quantity = |count| NonZeroU32::new(count).unwrap();
    let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let merged = merge([
        (second, quantity(1)),
        (first, quantity(u32::MAX)),
        (second, quantity(4)),
    ]);
    assert_eq!(merged, [item(1, i64::from(u32::MAX)), item(2, 5)]);
}

#[test]
fn no_movement_loses_or_invents_a_piece() {
    for movement in [Movement::Reserve, Movement::Sell, Movement::Release, Movement::Return] {
        let change = movement.change();
        assert_eq!(change.available + change.reserved + change.sold, 0, "{movement:?}");
    }
}
