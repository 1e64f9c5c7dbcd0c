//! The basket: lines, quantities, one currency, and a total that cannot overflow.

use super::ids::ProductId;
use serde::{Deserialize, Serialize};

/// Most lines of an order, after merging.
pub const LINES_MAX: usize = 50;
/// Most pieces of a line.
pub const QUANTITY_MAX: u32 = 1000;
/// Longest name of a payment method.
pub const PAYMENT_METHOD_MAX: usize = 64;

/// A requested order, after the checks that need no catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Basket {
    /// One line for each product, in the order of the request.
    pub lines: Vec<BasketLine>,
    /// Name of the payment method, passed on to the payment provider.
    pub payment_method: String,
}

/// A product and its quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BasketLine {
    pub product_id: ProductId,
    /// Number of pieces, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
}

/// A price of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Price of one piece in minor units.
    pub unit_price_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
}

/// A line with its price at the time of placing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub product_id: ProductId,
    pub quantity: u32,
    /// Price of one piece in minor units, as it was when the order was placed.
    pub unit_price_minor: i64,
}

/// Lines with their prices and the total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedBasket {
    /// Lines in the order of the request.
    pub lines: Vec<Line>,
    /// Sum of quantity × price.
    pub total_minor: i64,
    /// ISO 4217 code, the same for all lines.
    pub currency: String,
}

/// A request that can never be an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBasket {
    /// The request has no items.
    #[error("items must name at least one product")]
    Empty,
    /// The request has more than [`LINES_MAX`] lines.
    #[error("items must have at most {LINES_MAX} lines")]
    TooManyLines,
    /// The quantities of one product, added up, are outside the limits.
    #[error("the quantity of product {product_id} must be 1 to {QUANTITY_MAX} in total")]
    Quantity { product_id: ProductId },
    /// The payment method is not a valid name.
    #[error("paymentMethod must be 1 to {PAYMENT_METHOD_MAX} of a-z, 0-9 and _")]
    PaymentMethod,
}

/// A basket that cannot be priced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PricingRefusal {
    /// Products that are not on sale.
    #[error("these products are not on sale: {}", names(.0))]
    NotOnSale(Vec<ProductId>),
    /// One order is one payment, and so one currency.
    #[error("all products of an order must have the same currency")]
    MixedCurrencies,
    /// The total exceeds 64 bits.
    #[error("the total of the order is too large")]
    TooLarge,
}

impl Basket {
    /// Validates a request. Lines of the same product are merged into the first of them.
    pub fn new(asked: &[(ProductId, u32)], payment_method: String) -> Result<Self, InvalidBasket> {
        if asked.is_empty() {
            return Err(InvalidBasket::Empty);
        }
        let mut lines: Vec<BasketLine> = Vec::new();
        for &(product_id, quantity) in asked {
            let refusal = InvalidBasket::Quantity { product_id };
            if quantity == 0 || quantity > QUANTITY_MAX {
                return Err(refusal);
            }
            match lines.iter().position(|line| line.product_id == product_id) {
                Some(known) if lines[known].quantity + quantity > QUANTITY_MAX => return Err(refusal),
                Some(known) => lines[known].quantity += quantity,
                None if lines.len() == LINES_MAX => return Err(InvalidBasket::TooManyLines),
                None => lines.push(BasketLine { product_id, quantity }),
            }
        }
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !(1..=PAYMENT_METHOD_MAX).contains(&payment_method.len()) || !payment_method.bytes().all(allowed) {
            return Err(InvalidBasket::PaymentMethod);
        }
        Ok(Self { lines, payment_method })
    }

    /// Returns the products to look up in the catalogue.
    pub fn product_ids(&self) -> Vec<ProductId> {
        self.lines.iter().map(|line| line.product_id).collect()
    }

    /// Prices the lines; `price_of` knows only products on sale.
    pub fn price<'a>(&self, price_of: impl Fn(ProductId) -> Option<&'a Price>) -> Result<PricedBasket, PricingRefusal> {
        let missing: Vec<ProductId> = self
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
    fn add(&mut self, line: BasketLine, unit_price_minor: i64) -> Result<(), PricingRefusal> {
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

fn names(ids: &[ProductId]) -> String {
    ids.iter().map(ProductId::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const A: ProductId = product(1);
    const B: ProductId = product(2);

    const fn product(number: u128) -> ProductId {
        ProductId::from_uuid(Uuid::from_u128(number))
    }

    fn basket(asked: &[(ProductId, u32)]) -> Result<Basket, InvalidBasket> {
        Basket::new(asked, "pm_ok".to_owned())
    }

    fn usd(unit_price_minor: i64) -> Price {
        Price {
            unit_price_minor,
            currency: "USD".to_owned(),
        }
    }

    #[test]
    fn lines_of_the_same_product_are_merged() {
        let merged = basket(&[(A, 1), (B, 2), (A, 3)]).unwrap();
        let lines: Vec<_> = merged
            .lines
            .iter()
            .map(|line| (line.product_id, line.quantity))
            .collect();
        assert_eq!(lines, [(A, 4), (B, 2)]);
    }

    #[test]
    fn baskets_outside_the_limits_are_refused() {
        assert_eq!(basket(&[]), Err(InvalidBasket::Empty));
        for asked in [&[(A, 0)][..], &[(A, 1001)], &[(A, 600), (A, 401)], &[(A, u32::MAX)]] {
            assert_eq!(
                basket(asked),
                Err(InvalidBasket::Quantity { product_id: A }),
                "{asked:?}"
            );
        }
        let many: Vec<_> = (0..51).map(|n| (product(n), 1)).collect();
        assert_eq!(basket(&many), Err(InvalidBasket::TooManyLines));
        assert!(basket(&many[..50]).is_ok());
    }

    #[test]
    fn invalid_payment_methods_are_refused() {
        for name in ["", "PM_OK", "pm ok", "pm-ok", "pm\u{202e}", &"x".repeat(65)] {
            assert_eq!(
                Basket::new(&[(A, 1)], name.to_owned()),
                Err(InvalidBasket::PaymentMethod),
                "{name:?}"
            );
        }
        assert!(Basket::new(&[(A, 1)], "x".repeat(64)).is_ok());
    }

    #[test]
    fn the_total_is_the_sum_of_the_catalogues_prices() {
        let (a, b) = (usd(2999), usd(5));
        let basket = basket(&[(A, 2), (B, 3)])
            .unwrap()
            .price(|id| Some(if id == A { &a } else { &b }))
            .unwrap();
        assert_eq!((basket.total_minor, basket.currency.as_str()), (6013, "USD"));
    }

    #[test]
    fn baskets_that_cannot_be_priced_are_refused() {
        let both = basket(&[(A, 2), (B, 1)]).unwrap();
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
