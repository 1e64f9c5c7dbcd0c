//! What is for sale.

/// A product before it has an id.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ware {
    /// Its name.
    pub(super) name: &'static str,
    /// Its price in cents.
    pub(super) price_minor: i64,
    /// How many pieces there are at the start.
    pub(super) stock: i64,
    /// How often it is wanted, as a share of the sum of all.
    pub(super) weight: u32,
}

/// More than any run can sell.
const PLENTY: i64 = 1_000_000;

/// Most never run out; one runs out soon, so that orders race for its last pieces; one was never there.
pub(super) const WARES: [Ware; 6] = [
    ware("Teapot", 2_999, PLENTY, 30),
    ware("Cup", 450, PLENTY, 30),
    ware("Tray", 1_899, PLENTY, 20),
    ware("Samovar", 24_900, PLENTY, 10),
    ware("Last year's tea", 1_250, 50, 8),
    ware("Tea of the moon", 99_900, 0, 2),
];

const fn ware(name: &'static str, price_minor: i64, stock: i64, weight: u32) -> Ware {
    Ware {
        name,
        price_minor,
        stock,
        weight,
    }
}
