//! What may be ordered: lines, quantities, one currency, and a total that cannot overflow.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An order has at most this many lines after merging.
pub const LINES_MAX: usize = 50;
/// A line has at most this many pieces.
pub const QUANTITY_MAX: u32 = 1000;
/// A payment method's name is at most this long.
pub const PAYMENT_METHOD_MAX: usize = 64;

/// What a client asks for, after the checks that need no catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wish {
    /// One line for each product, in the order of the request.
    pub lines: Vec<WishedLine>,
    /// Passed on to the payment provider.
    pub payment_method: String,
}

/// A product and how many of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WishedLine {
    /// The product.
    pub product_id: Uuid,
    /// 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
}

/// A price as the catalogue told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Minor units for one piece.
    pub unit_price_minor: i64,
    /// ISO 4217.
    pub currency: String,
}

/// A line with the price of the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The product.
    pub product_id: Uuid,
    /// How many.
    pub quantity: u32,
    /// Minor units for one piece, as it was when the order was placed.
    pub unit_price_minor: i64,
}

/// Lines with their prices and the sum of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedBasket {
    /// In the order of the request.
    pub lines: Vec<Line>,
    /// Sum of quantity × price.
    pub total_minor: i64,
    /// ISO 4217, the same for all lines.
    pub currency: String,
}

/// A request that can never be an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WishRefusal {
    /// There is nothing in it.
    #[error("items must name at least one product")]
    Empty,
    /// Too many lines.
    #[error("items must have at most {LINES_MAX} lines")]
    TooManyLines,
    /// The quantities of one product, added up, are outside the limits.
    #[error("the quantity of product {product_id} must be 1 to {QUANTITY_MAX} in total")]
    Quantity {
        /// Which product.
        product_id: Uuid,
    },
    /// A payment method that cannot be one.
    #[error("paymentMethod must be 1 to {PAYMENT_METHOD_MAX} of a-z, 0-9 and _")]
    PaymentMethod,
}

/// A request that the catalogue's answer makes impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PricingRefusal {
    /// Products that are not sold.
    #[error("these products are not on sale: {}", names(.0))]
    NotOnSale(Vec<Uuid>),
    /// One order is one payment, and so one currency.
    #[error("all products of an order must have the same currency")]
    MixedCurrencies,
    /// More than 64 bits of money.
    #[error("the total of the order is too large")]
    TooLarge,
}

impl Wish {
    /// Checks a request. Lines of the same product are merged into the first of them.
    pub fn new(asked: &[(Uuid, u32)], payment_method: String) -> Result<Self, WishRefusal> {
        if asked.is_empty() {
            return Err(WishRefusal::Empty);
        }
        let mut lines: Vec<WishedLine> = Vec::new();
        for &(product_id, quantity) in asked {
            let refusal = WishRefusal::Quantity { product_id };
            if quantity == 0 || quantity > QUANTITY_MAX {
                return Err(refusal);
            }
            match lines.iter().position(|line| line.product_id == product_id) {
                Some(known) if lines[known].quantity + quantity > QUANTITY_MAX => return Err(refusal),
                Some(known) => lines[known].quantity += quantity,
                None if lines.len() == LINES_MAX => return Err(WishRefusal::TooManyLines),
                None => lines.push(WishedLine { product_id, quantity }),
            }
        }
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !(1..=PAYMENT_METHOD_MAX).contains(&payment_method.len()) || !payment_method.bytes().all(allowed) {
            return Err(WishRefusal::PaymentMethod);
        }
        Ok(Self { lines, payment_method })
    }

    /// The products to ask the catalogue for.
    pub fn product_ids(&self) -> Vec<Uuid> {
        self.lines.iter().map(|line| line.product_id).collect()
    }

    /// Puts prices to the lines; `price_of` knows only products on sale.
    pub fn price<'a>(&self, price_of: impl Fn(Uuid) -> Option<&'a Price>) -> Result<PricedBasket, PricingRefusal> {
        let missing: Vec<Uuid> = self
            .product_ids()
            .into_iter()
            .filter(|id| price_of(*id).is_none())
            .collect();
        if !missing.is_empty() {
            return Err(PricingRefusal::NotOnSale(missing));
        }
        let mut basket = PricedBasket {
            lines: Vec::new(),
            total_minor: 0,
            currency: String::new(),
        };
        for line in &self.lines {
            let Some(price) = price_of(line.product_id) else {
                continue;
            };
            if basket.lines.is_empty() {
                basket.currency.clone_from(&price.currency);
            } else if basket.currency != price.currency {
                return Err(PricingRefusal::MixedCurrencies);
            }
            basket.add(*line, price.unit_price_minor)?;
        }
        Ok(basket)
    }
}

impl PricedBasket {
    fn add(&mut self, line: WishedLine, unit_price_minor: i64) -> Result<(), PricingRefusal> {
        let sum = unit_price_minor
            .checked_mul(i64::from(line.quantity))
            .ok_or(PricingRefusal::TooLarge)?;
        self.total_minor = self.total_minor.checked_add(sum).ok_or(PricingRefusal::TooLarge)?;
        self.lines.push(Line {
            product_id: line.product_id,
            quantity: line.quantity,
            unit_price_minor,
        });
        Ok(())
    }
}

fn names(ids: &[Uuid]) -> String {
    ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    fn wish(asked: &[(Uuid, u32)]) -> Result<Wish, WishRefusal> {
        Wish::new(asked, "pm_ok".to_owned())
    }

    fn usd(unit_price_minor: i64) -> Price {
        Price {
            unit_price_minor,
            currency: "USD".to_owned(),
        }
    }

    #[test]
    fn merges_lines_of_the_same_product() {
        let merged = wish(&[(A, 1), (B, 2), (A, 3)]).unwrap();
        let lines: Vec<_> = merged
            .lines
            .iter()
            .map(|line| (line.product_id, line.quantity))
            .collect();
        assert_eq!(lines, [(A, 4), (B, 2)]);
    }

    #[test]
    fn refuses_what_is_outside_the_limits() {
        assert_eq!(wish(&[]), Err(WishRefusal::Empty));
        for asked in [&[(A, 0)][..], &[(A, 1001)], &[(A, 600), (A, 401)], &[(A, u32::MAX)]] {
            assert_eq!(wish(asked), Err(WishRefusal::Quantity { product_id: A }), "{asked:?}");
        }
        let many: Vec<_> = (0..51).map(|n| (Uuid::from_u128(n), 1)).collect();
        assert_eq!(wish(&many), Err(WishRefusal::TooManyLines));
        assert!(wish(&many[..50]).is_ok());
    }

    #[test]
    fn refuses_payment_methods_that_are_none() {
        for name in ["", "PM_OK", "pm ok", "pm-ok", "pm\u{202e}", &"x".repeat(65)] {
            assert_eq!(
                Wish::new(&[(A, 1)], name.to_owned()),
                Err(WishRefusal::PaymentMethod),
                "{name:?}"
            );
        }
        assert!(Wish::new(&[(A, 1)], "x".repeat(64)).is_ok());
    }

    #[test]
    fn adds_up_the_catalogues_prices() {
        let (a, b) = (usd(2999), usd(5));
        let basket = wish(&[(A, 2), (B, 3)])
            .unwrap()
            .price(|id| Some(if id == A { &a } else { &b }))
            .unwrap();
        assert_eq!((basket.total_minor, basket.currency.as_str()), (6013, "USD"));
    }

    #[test]
    fn refuses_what_cannot_be_priced() {
        let both = wish(&[(A, 2), (B, 1)]).unwrap();
        let euro = Price {
            unit_price_minor: 1,
            currency: "EUR".to_owned(),
        };
        let (one, half) = (usd(1), usd(i64::MAX / 2 + 1));
        assert_eq!(
            both.price(|id| (id == A).then_some(&one)),
            Err(PricingRefusal::NotOnSale(vec![B]))
        );
        assert_eq!(
            both.price(|id| Some(if id == A { &one } else { &euro })),
            Err(PricingRefusal::MixedCurrencies)
        );
        assert_eq!(both.price(|_| Some(&half)), Err(PricingRefusal::TooLarge));
    }
}
