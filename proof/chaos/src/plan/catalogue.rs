//! The products that the clients order.

/// A product before it has an id.
#[derive(Debug)]
pub(crate) struct CatalogueEntry {
    pub(crate) name: &'static str,
    pub(crate) price_minor: i64,
    /// Pieces at the start.
    pub(crate) stock: i64,
    /// Share of the order lines.
    pub(crate) weight: u32,
}

/// More than any run can sell.
const UNLIMITED: i64 = 1_000_000;

/// Most never run out; one runs out soon, so that orders race for its last pieces; one never had any.
pub(crate) const CATALOGUE: [CatalogueEntry; 6] = [
    entry("Teapot", 2_999, UNLIMITED, 30),
    entry("Cup", 450, UNLIMITED, 30),
    entry("Tray", 1_899, UNLIMITED, 20),
    entry("Samovar", 24_900, UNLIMITED, 10),
    entry("Last year's tea", 1_250, 50, 8),
    entry("Tea of the moon", 99_900, 0, 2),
];

const fn entry(name: &'static str, price_minor: i64, stock: i64, weight: u32) -> CatalogueEntry {
    CatalogueEntry {
        name,
        price_minor,
        stock,
        weight,
    }
}
