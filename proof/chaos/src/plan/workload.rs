//! The workload: actions of customers, their times of arrival, and the follow-ups of each order.

use super::catalogue::CATALOGUE;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{ops::Range, time::Duration};

/// Behaviour of the provider, and the percentage of orders that choose it.
const PAYMENT_METHODS: [(&str, u32); 7] = [
    ("pm_ok", 70),
    ("pm_declined", 8),
    ("pm_slow", 8),
    ("pm_flaky", 6),
    ("pm_cut", 4),
    ("pm_stall", 1),
    ("pm_of_the_moon", 3),
];
/// Way of submitting an order, and the percentage of orders that take it.
const SUBMISSIONS: [(Submission, u32); 3] = [
    (Submission::Once, 92),
    (Submission::RepeatedAfterwards, 5),
    (Submission::TwiceAtOnce, 3),
];
const READS: [Read; 5] = [
    Read::Order,
    Read::Timeline,
    Read::Notifications,
    Read::Payment,
    Read::Products,
];
const BAD_REQUESTS: [BadRequest; 4] = [
    BadRequest::NoPaymentMethod,
    BadRequest::NoKey,
    BadRequest::NoPieces,
    BadRequest::UnknownProduct,
];

const BAD_REQUEST_SHARE: f64 = 0.01;
const CANCELLED_SHARE: f64 = 0.08;
const CANCELLED_AT_ONCE_SHARE: f64 = 0.5;
const READ_SHARE: f64 = 0.10;
const SHIPPED_SHARE: f64 = 0.05;
const DELIVERED_SHARE: f64 = 0.5;

/// While the charge is in progress.
const AT_ONCE_MS: Range<u64> = 0..50;
const SOON_MS: Range<u64> = 200..3000;
const RENAME_INTERVAL: Duration = Duration::from_secs(20);

/// The arrival of an action, as time since the start of the run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrival {
    pub(crate) at: Duration,
    pub(crate) customer: usize,
    pub(crate) action: ClientAction,
    /// Seed of the jitter between tries.
    pub(crate) seed: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ClientAction {
    Order(OrderPlan),
    BadRequest(BadRequest),
    Rename(String),
}

/// An order and its follow-ups.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OrderPlan {
    pub(crate) lines: Vec<OrderLine>,
    pub(crate) payment_method: &'static str,
    pub(crate) submission: Submission,
    /// Cancel this long after the answer.
    pub(crate) cancel_after: Option<Duration>,
    /// Read this long after the answer.
    pub(crate) read_after: Option<(Read, Duration)>,
    /// Once it is confirmed, the administrator ships it.
    pub(crate) shipping: Option<Shipping>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrderLine {
    /// Index into [`CATALOGUE`].
    pub(crate) product: usize,
    pub(crate) quantity: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Submission {
    Once,
    /// Repeated with the same key after success: the stored answer must come.
    RepeatedAfterwards,
    /// Twice with the same key at the same time: they must make one order.
    TwiceAtOnce,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    Order,
    Timeline,
    Notifications,
    Payment,
    Products,
}

/// A request that must be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadRequest {
    NoPaymentMethod,
    NoKey,
    NoPieces,
    UnknownProduct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shipping {
    /// Deliver this long after shipping.
    pub(crate) deliver_after: Option<Duration>,
}

/// The endless sequence of arrivals.
#[derive(Debug)]
pub(crate) struct Workload {
    rng: StdRng,
    orders_per_s: f64,
    customers: usize,
    orders: usize,
    renames: usize,
    next_order: Duration,
    next_rename: Duration,
}

impl Workload {
    pub(crate) fn new(seed: u64, orders_per_s: f64, customers: usize) -> Self {
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
    pub(crate) fn next_arrival(&mut self) -> Arrival {
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
        self.arrival(at, customer, ClientAction::Rename(name))
    }

    /// Customers take turns, so that none exceeds their token bucket.
    fn order(&mut self) -> Arrival {
        let (at, customer) = (self.next_order, self.orders % self.customers);
        // Exponential gaps: customers act independently.
        let gap_s = -(1.0 - self.rng.random::<f64>()).ln() / self.orders_per_s;
        self.next_order += Duration::try_from_secs_f64(gap_s).unwrap_or(Duration::MAX);
        self.orders += 1;
        let action = if self.rng.random_bool(BAD_REQUEST_SHARE) {
            ClientAction::BadRequest(self.one_of(&BAD_REQUESTS))
        } else {
            ClientAction::Order(self.order_plan())
        };
        self.arrival(at, customer, action)
    }

    fn arrival(&mut self, at: Duration, customer: usize, action: ClientAction) -> Arrival {
        let seed = self.rng.random();
        Arrival {
            at,
            customer,
            action,
            seed,
        }
    }

    fn order_plan(&mut self) -> OrderPlan {
        OrderPlan {
            lines: self.lines(),
            payment_method: self.weighted(&PAYMENT_METHODS),
            submission: self.weighted(&SUBMISSIONS),
            cancel_after: self.rng.random_bool(CANCELLED_SHARE).then(|| {
                let at_once = self.rng.random_bool(CANCELLED_AT_ONCE_SHARE);
                self.within(if at_once { AT_ONCE_MS } else { SOON_MS })
            }),
            read_after: self
                .rng
                .random_bool(READ_SHARE)
                .then(|| (self.one_of(&READS), self.within(SOON_MS))),
            shipping: self.rng.random_bool(SHIPPED_SHARE).then(|| Shipping {
                deliver_after: self.rng.random_bool(DELIVERED_SHARE).then(|| self.within(SOON_MS)),
            }),
        }
    }

    fn lines(&mut self) -> Vec<OrderLine> {
        let weights: Vec<(usize, u32)> = CATALOGUE.iter().map(|entry| entry.weight).enumerate().collect();
        let mut lines: Vec<OrderLine> = Vec::new();
        for _ in 0..self.rng.random_range(1..=3) {
            let product = self.weighted(&weights);
            let quantity = self.rng.random_range(1..=3);
            if lines.iter().all(|line| line.product != product) {
                lines.push(OrderLine { product, quantity });
            }
        }
        lines
    }

    fn within(&mut self, range_ms: Range<u64>) -> Duration {
        Duration::from_millis(self.rng.random_range(range_ms))
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.rng.random_range(0..choices.len())]
    }

    /// One of a table that is not empty, by weight.
    fn weighted<T: Copy>(&mut self, table: &[(T, u32)]) -> T {
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
        let mut workload = Workload::new(seed, 20.0, 40);
        (0..count).map(|_| workload.next_arrival()).collect()
    }

    fn orders(seed: u64, count: usize) -> Vec<OrderPlan> {
        let order = |arrival: Arrival| match arrival.action {
            ClientAction::Order(order) => Some(order),
            ClientAction::BadRequest(_) | ClientAction::Rename(_) => None,
        };
        arrivals(seed, count).into_iter().filter_map(order).collect()
    }

    /// Percentage of the counted.
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
    fn arrivals_ascend_at_the_configured_rate() {
        let arrivals = arrivals(1, 20_000);
        assert!(arrivals.is_sorted_by_key(|arrival| arrival.at));
        let took_s = arrivals.last().unwrap().at.as_secs_f64();
        assert!((950.0..1050.0).contains(&took_s), "{took_s}");
    }

    #[test]
    fn customers_take_turns() {
        let mut workload = Workload::new(1, 20.0, 3);
        let order = |arrival: &Arrival| !matches!(arrival.action, ClientAction::Rename(_));
        let customers: Vec<usize> = std::iter::repeat_with(|| workload.next_arrival())
            .filter(order)
            .map(|arrival| arrival.customer)
            .take(7)
            .collect();
        assert_eq!(customers, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn a_customer_is_renamed_every_20_s() {
        let renames: Vec<Duration> = arrivals(1, 2000)
            .into_iter()
            .filter(|arrival| matches!(arrival.action, ClientAction::Rename(_)))
            .map(|arrival| arrival.at)
            .take(3)
            .collect();
        assert_eq!(renames, [20, 40, 60].map(Duration::from_secs));
    }

    #[test]
    fn payment_methods_come_by_weight() {
        assert_eq!(PAYMENT_METHODS.iter().map(|(_, weight)| weight).sum::<u32>(), 100);
        assert_eq!(SUBMISSIONS.iter().map(|(_, weight)| weight).sum::<u32>(), 100);
        let orders = orders(3, 20_000);
        for (method, weight) in PAYMENT_METHODS {
            let share = percent(&orders, |order| order.payment_method == method);
            assert!((share - f64::from(weight)).abs() < 1.0, "{method}: {share} %");
        }
    }

    #[test]
    fn follow_ups_of_an_order_come_by_their_share() {
        let orders = orders(4, 20_000);
        let is_about = |expected: f64, share: f64| (share - expected).abs() < 1.0;
        assert!(is_about(8.0, percent(&orders, |order| order.cancel_after.is_some())));
        assert!(is_about(10.0, percent(&orders, |order| order.read_after.is_some())));
        assert!(is_about(5.0, percent(&orders, |order| order.shipping.is_some())));
        assert!(is_about(
            3.0,
            percent(&orders, |order| order.submission == Submission::TwiceAtOnce)
        ));
        let soon_ms = AT_ONCE_MS.end;
        let at_once = |order: &&OrderPlan| {
            order
                .cancel_after
                .is_some_and(|after| after.as_millis() < u128::from(soon_ms))
        };
        assert!(is_about(4.0, percent(&orders, at_once)));
    }

    #[test]
    fn an_order_has_1_to_3_lines_of_different_products() {
        for order in orders(5, 2000) {
            assert!((1..=3).contains(&order.lines.len()));
            assert!(order.lines.iter().all(|line| (1..=3).contains(&line.quantity)));
            let mut products: Vec<usize> = order.lines.iter().map(|line| line.product).collect();
            products.sort_unstable();
            assert!(products.is_sorted_by(|a, b| a < b), "{products:?}");
        }
    }
}
