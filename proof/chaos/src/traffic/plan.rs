//! What the seed decides: who wants what, when, and what they do afterwards.

use super::wares::WARES;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{ops::Range, time::Duration};

/// How the provider behaves, and how many of a hundred orders choose it.
const PAYMENT_METHODS: [(&str, u32); 7] = [
    ("pm_ok", 70),
    ("pm_declined", 8),
    ("pm_slow", 8),
    ("pm_flaky", 6),
    ("pm_cut", 4),
    ("pm_stall", 1),
    ("pm_of_the_moon", 3),
];
/// How a request is sent, and how many of a hundred are.
const SENDINGS: [(Sending, u32); 3] = [
    (Sending::Once, 92),
    (Sending::AgainAfterwards, 5),
    (Sending::TwiceAtOnce, 3),
];
const LOOKS: [(Look, u32); 5] = [
    (Look::Order, 1),
    (Look::Timeline, 1),
    (Look::Notifications, 1),
    (Look::Payment, 1),
    (Look::Products, 1),
];
const MISTAKES: [(Mistake, u32); 4] = [
    (Mistake::NoPaymentMethod, 1),
    (Mistake::NoKey, 1),
    (Mistake::NoPieces, 1),
    (Mistake::UnknownProduct, 1),
];

const MISTAKEN: f64 = 0.01;
const CANCELLED: f64 = 0.08;
const CANCELLED_AT_ONCE: f64 = 0.5;
const LOOKED_AT: f64 = 0.10;
const SHIPPED: f64 = 0.05;
const DELIVERED: f64 = 0.5;

/// While the charge is under way.
const AT_ONCE_MS: Range<u64> = 0..50;
const SOON_MS: Range<u64> = 200..3000;
const RENAME_INTERVAL: Duration = Duration::from_secs(20);

/// One errand, and when it begins, from the start of the run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arrival {
    pub(super) at: Duration,
    /// Whose errand.
    pub(super) customer: usize,
    pub(super) errand: Errand,
    /// Decides how long is waited between tries.
    pub(super) seed: u64,
}

/// What a customer wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Errand {
    Order(Wish),
    Mistake(Mistake),
    Rename(String),
}

/// An order and what is done about it afterwards.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wish {
    pub(super) lines: Vec<Line>,
    pub(super) payment_method: &'static str,
    pub(super) sending: Sending,
    /// Cancel this long after the answer.
    pub(super) cancel_after: Option<Duration>,
    /// Look this long after the answer.
    pub(super) look_after: Option<(Look, Duration)>,
    /// Once it is seen confirmed, the administrator ships it.
    pub(super) shipping: Option<Shipping>,
}

/// Some pieces of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// Which of [`WARES`].
    pub(super) ware: usize,
    pub(super) quantity: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    Once,
    /// Once more with the same key after success: the stored answer must come.
    AgainAfterwards,
    /// Twice with the same key at the same time: one order must come of it.
    TwiceAtOnce,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Order,
    Timeline,
    Notifications,
    Payment,
    Products,
}

/// A request that must be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    NoPaymentMethod,
    NoKey,
    NoPieces,
    UnknownProduct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shipping {
    /// Deliver this long after shipping.
    pub(super) deliver_after: Option<Duration>,
}

/// The endless sequence of arrivals.
#[derive(Debug)]
pub(super) struct Plan {
    rng: StdRng,
    orders_per_s: f64,
    customers: usize,
    orders: usize,
    renames: usize,
    next_order: Duration,
    next_rename: Duration,
}

impl Plan {
    pub(super) fn new(seed: u64, orders_per_s: f64, customers: usize) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            orders_per_s,
            customers: customers.max(1),
            orders: 0,
            renames: 0,
            next_order: Duration::ZERO,
            next_rename: RENAME_INTERVAL,
        }
    }

    /// The next arrival; they ascend in time.
    pub(super) fn next_arrival(&mut self) -> Arrival {
        if self.next_rename < self.next_order {
            self.rename()
        } else {
            self.order()
        }
    }

    fn rename(&mut self) -> Arrival {
        let (at, customer) = (self.next_rename, self.renames % self.customers);
        self.next_rename += RENAME_INTERVAL;
        self.renames += 1;
        let name = format!("Customer {customer}, renamed as the {}th", self.renames);
        self.arrival(at, customer, Errand::Rename(name))
    }

    /// Customers take turns, so that nobody exceeds their token bucket.
    fn order(&mut self) -> Arrival {
        let (at, customer) = (self.next_order, self.orders % self.customers);
        // Exponential gaps: people do not know of each other.
        let gap_s = -(1.0 - self.rng.random::<f64>()).ln() / self.orders_per_s;
        self.next_order += Duration::try_from_secs_f64(gap_s).unwrap_or(Duration::MAX);
        self.orders += 1;
        let errand = if self.rng.random_bool(MISTAKEN) {
            Errand::Mistake(self.choose(&MISTAKES))
        } else {
            Errand::Order(self.wish())
        };
        self.arrival(at, customer, errand)
    }

    fn arrival(&mut self, at: Duration, customer: usize, errand: Errand) -> Arrival {
        let seed = self.rng.random();
        Arrival {
            at,
            customer,
            errand,
            seed,
        }
    }

    fn wish(&mut self) -> Wish {
        Wish {
            lines: self.lines(),
            payment_method: self.choose(&PAYMENT_METHODS),
            sending: self.choose(&SENDINGS),
            cancel_after: self.rng.random_bool(CANCELLED).then(|| {
                let at_once = self.rng.random_bool(CANCELLED_AT_ONCE);
                self.within(if at_once { AT_ONCE_MS } else { SOON_MS })
            }),
            look_after: self
                .rng
                .random_bool(LOOKED_AT)
                .then(|| (self.choose(&LOOKS), self.within(SOON_MS))),
            shipping: self.rng.random_bool(SHIPPED).then(|| Shipping {
                deliver_after: self.rng.random_bool(DELIVERED).then(|| self.within(SOON_MS)),
            }),
        }
    }

    fn lines(&mut self) -> Vec<Line> {
        let wares: Vec<(usize, u32)> = WARES.iter().map(|ware| ware.weight).enumerate().collect();
        let mut lines: Vec<Line> = Vec::new();
        for _ in 0..self.rng.random_range(1..=3) {
            let ware = self.choose(&wares);
            let quantity = self.rng.random_range(1..=3);
            if lines.iter().all(|line| line.ware != ware) {
                lines.push(Line { ware, quantity });
            }
        }
        lines
    }

    fn within(&mut self, range_ms: Range<u64>) -> Duration {
        Duration::from_millis(self.rng.random_range(range_ms))
    }

    /// One of a table that is not empty, by weight.
    fn choose<T: Copy>(&mut self, table: &[(T, u32)]) -> T {
        let mut drawn = self.rng.random_range(0..table.iter().map(|(_, weight)| weight).sum());
        let mut chosen = table[0].0;
        for (value, weight) in table {
            chosen = *value;
            if drawn < *weight {
                break;
            }
            drawn -= weight;
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(seed: u64, count: usize) -> Vec<Arrival> {
        let mut plan = Plan::new(seed, 20.0, 40);
        (0..count).map(|_| plan.next_arrival()).collect()
    }

    fn wishes(seed: u64, count: usize) -> Vec<Wish> {
        let wish = |arrival: Arrival| match arrival.errand {
            Errand::Order(wish) => Some(wish),
            Errand::Mistake(_) | Errand::Rename(_) => None,
        };
        arrivals(seed, count).into_iter().filter_map(wish).collect()
    }

    /// How many of a hundred.
    fn percent<T>(all: &[T], is_counted: impl Fn(&&T) -> bool) -> f64 {
        let count = |n: usize| f64::from(u32::try_from(n).unwrap());
        100.0 * count(all.iter().filter(is_counted).count()) / count(all.len())
    }

    #[test]
    fn the_same_seed_decides_the_same() {
        assert_eq!(arrivals(7, 2000), arrivals(7, 2000));
        assert_ne!(arrivals(7, 20), arrivals(8, 20));
    }

    #[test]
    fn arrivals_ascend_at_the_rate_asked_for() {
        let arrivals = arrivals(1, 20_000);
        assert!(arrivals.is_sorted_by_key(|arrival| arrival.at));
        let took_s = arrivals.last().unwrap().at.as_secs_f64();
        assert!((950.0..1050.0).contains(&took_s), "{took_s}");
    }

    #[test]
    fn customers_take_turns() {
        let mut plan = Plan::new(1, 20.0, 3);
        let order = |arrival: &Arrival| !matches!(arrival.errand, Errand::Rename(_));
        let customers: Vec<usize> = std::iter::repeat_with(|| plan.next_arrival())
            .filter(order)
            .map(|arrival| arrival.customer)
            .take(7)
            .collect();
        assert_eq!(customers, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn somebody_is_renamed_every_20_s() {
        let renames: Vec<Duration> = arrivals(1, 2000)
            .into_iter()
            .filter(|arrival| matches!(arrival.errand, Errand::Rename(_)))
            .map(|arrival| arrival.at)
            .take(3)
            .collect();
        assert_eq!(renames, [20, 40, 60].map(Duration::from_secs));
    }

    #[test]
    fn payment_methods_come_by_weight() {
        assert_eq!(PAYMENT_METHODS.iter().map(|(_, weight)| weight).sum::<u32>(), 100);
        assert_eq!(SENDINGS.iter().map(|(_, weight)| weight).sum::<u32>(), 100);
        let wishes = wishes(3, 20_000);
        for (method, weight) in PAYMENT_METHODS {
            let share = percent(&wishes, |wish| wish.payment_method == method);
            assert!((share - f64::from(weight)).abs() < 1.0, "{method}: {share} %");
        }
    }

    #[test]
    fn what_follows_an_order_comes_as_often_as_it_should() {
        let wishes = wishes(4, 20_000);
        let is_about = |expected: f64, share: f64| (share - expected).abs() < 1.0;
        assert!(is_about(8.0, percent(&wishes, |wish| wish.cancel_after.is_some())));
        assert!(is_about(10.0, percent(&wishes, |wish| wish.look_after.is_some())));
        assert!(is_about(5.0, percent(&wishes, |wish| wish.shipping.is_some())));
        assert!(is_about(
            3.0,
            percent(&wishes, |wish| wish.sending == Sending::TwiceAtOnce)
        ));
        let soon_ms = AT_ONCE_MS.end;
        let at_once = |wish: &&Wish| {
            wish.cancel_after
                .is_some_and(|after| after.as_millis() < u128::from(soon_ms))
        };
        assert!(is_about(4.0, percent(&wishes, at_once)));
    }

    #[test]
    fn an_order_has_1_to_3_lines_of_different_products() {
        for wish in wishes(5, 2000) {
            assert!((1..=3).contains(&wish.lines.len()));
            assert!(wish.lines.iter().all(|line| (1..=3).contains(&line.quantity)));
            let mut wares: Vec<usize> = wish.lines.iter().map(|line| line.ware).collect();
            wares.sort_unstable();
            assert!(wares.is_sorted_by(|a, b| a < b), "{wares:?}");
        }
    }
}
