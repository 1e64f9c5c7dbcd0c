//! What may stand in the catalogue.

use super::currency::Currency;
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

const NAME_CHARS_MAX: usize = 200;
const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// A price of more is a slip of the finger; it also keeps `quantity × price` far from overflowing.
const PRICE_MINOR_MAX: i64 = 1_000_000_000;
/// The most pieces that one change may add or remove.
const STOCK_MAX: i64 = 1_000_000_000;

/// A product as everybody may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// More about it; may be empty.
    pub description: String,
    /// The price of one piece in minor units of `currency`.
    pub price_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// How many can be ordered now.
    pub available: i64,
    /// Whether it is sold at all.
    pub active: bool,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was last changed; stock moving does not count.
    pub updated_at: DateTime<Utc>,
}

/// A product to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProduct {
    name: String,
    description: String,
    price_minor: i64,
    currency: Currency,
    stock: i64,
}

/// What is to be different about a product; `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProductChange {
    /// The new name.
    pub name: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// The new price.
    pub price_minor: Option<i64>,
    /// Whether it is sold.
    pub active: Option<bool>,
    /// How many pieces came in, or (below zero) were written off. A difference and not a total: a total would undo
    /// what was reserved since the administrator looked.
    pub stock_delta: Option<i64>,
}

/// A field whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct InvalidField {
    /// Its name on the wire.
    pub field: &'static str,
    /// What it must be.
    pub rule: &'static str,
}

impl NewProduct {
    /// Checks every field.
    pub fn new(
        name: &str,
        description: &str,
        price_minor: i64,
        currency: &str,
        stock: i64,
    ) -> Result<Self, InvalidField> {
        let rule = "must be a three-letter ISO 4217 code such as USD";
        let currency = Currency::parse(currency).ok_or(InvalidField {
            field: "currency",
            rule,
        })?;
        if !(0..=STOCK_MAX).contains(&stock) {
            return Err(InvalidField {
                field: "stock",
                rule: "must be between 0 and 1000000000",
            });
        }
        Ok(Self {
            name: valid_name(name)?,
            description: valid_description(description)?,
            price_minor: valid_price(price_minor)?,
            currency,
            stock,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// More about it.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The price of one piece.
    pub fn price_minor(&self) -> i64 {
        self.price_minor
    }

    /// The currency of the price.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// How many there are at first.
    pub fn stock(&self) -> i64 {
        self.stock
    }
}

impl ProductChange {
    /// Checks every field that is there; at least one must be.
    pub fn checked(self) -> Result<Self, InvalidField> {
        if self == Self::default() {
            let rule = "must name at least one of name, description, priceMinor, active, stockDelta";
            return Err(InvalidField {
                field: "the body",
                rule,
            });
        }
        if self
            .stock_delta
            .is_some_and(|delta| delta == 0 || delta.unsigned_abs() > STOCK_MAX.unsigned_abs())
        {
            let rule = "must not be 0 and at most 1000000000 either way";
            return Err(InvalidField {
                field: "stockDelta",
                rule,
            });
        }
        Ok(Self {
            name: self.name.as_deref().map(valid_name).transpose()?,
            description: self.description.as_deref().map(valid_description).transpose()?,
            price_minor: self.price_minor.map(valid_price).transpose()?,
            ..self
        })
    }
}

fn valid_name(name: &str) -> Result<String, InvalidField> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || has_control(name) {
        return Err(InvalidField {
            field: "name",
            rule: "must be 1 to 200 printable characters",
        });
    }
    Ok(name.to_owned())
}

fn valid_description(description: &str) -> Result<String, InvalidField> {
    let description = description.trim();
    let lines_ok = description.split('\n').all(|line| !has_control(line));
    if description.chars().count() > DESCRIPTION_CHARS_MAX || !lines_ok {
        return Err(InvalidField {
            field: "description",
            rule: "must be at most 2000 printable characters",
        });
    }
    Ok(description.to_owned())
}

fn valid_price(price_minor: i64) -> Result<i64, InvalidField> {
    if (1..=PRICE_MINOR_MAX).contains(&price_minor) {
        return Ok(price_minor);
    }
    Err(InvalidField {
        field: "priceMinor",
        rule: "must be between 1 and 1000000000",
    })
}

/// PostgreSQL cannot store U+0000, and no control character belongs into a name.
fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong_field(name: &str, description: &str, price_minor: i64, currency: &str, stock: i64) -> &'static str {
        NewProduct::new(name, description, price_minor, currency, stock)
            .unwrap_err()
            .field
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        assert_eq!(wrong_field(" ", "", 1, "USD", 0), "name");
        assert_eq!(wrong_field("a\0b", "", 1, "USD", 0), "name");
        assert_eq!(wrong_field(&"x".repeat(201), "", 1, "USD", 0), "name");
        assert_eq!(wrong_field("cup", &"x".repeat(2001), 1, "USD", 0), "description");
        assert_eq!(wrong_field("cup", "", 0, "USD", 0), "priceMinor");
        assert_eq!(wrong_field("cup", "", -5, "USD", 0), "priceMinor");
        assert_eq!(wrong_field("cup", "", 1, "usd", 0), "currency");
        assert_eq!(wrong_field("cup", "", 1, "USD", -1), "stock");
        assert_eq!(
            NewProduct::new(" cup ", "two\nlines", 1, "USD", 0).unwrap().name(),
            "cup"
        );
    }

    #[test]
    fn a_change_must_change_something() {
        assert_eq!(ProductChange::default().checked().unwrap_err().field, "the body");
        let zero = ProductChange {
            stock_delta: Some(0),
            ..ProductChange::default()
        };
        assert_eq!(zero.checked().unwrap_err().field, "stockDelta");
        let farthest = ProductChange {
            stock_delta: Some(i64::MIN),
            ..ProductChange::default()
        };
        assert!(farthest.checked().is_err());
        let priced = ProductChange {
            price_minor: Some(7),
            ..ProductChange::default()
        };
        assert_eq!(priced.clone().checked(), Ok(priced));
    }
}
