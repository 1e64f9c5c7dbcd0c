//! Products of the catalogue, and the rules for their fields.

use super::{currency::Currency, ids::ProductId};
use chrono::{DateTime, Utc};
use serde::Serialize;

const NAME_CHARS_MAX: usize = 200;
const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// A higher price is taken for a typing error. The limit also keeps `quantity × price` far from an overflow.
const PRICE_MINOR_MAX: i64 = 1_000_000_000;
/// Limit of the pieces that one change adds or removes.
const STOCK_MAX: i64 = 1_000_000_000;

/// A product, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    pub id: ProductId,
    pub name: String,
    /// May be empty.
    pub description: String,
    /// Price of one piece in minor units of `currency`.
    pub price_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Pieces that can be ordered now.
    pub available: i64,
    /// Inactive products are not sold and not listed.
    pub active: bool,
    pub created_at: DateTime<Utc>,
    /// Time of the last change of the catalogue entry; orders that move stock do not change it.
    pub updated_at: DateTime<Utc>,
}

/// A valid product to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProduct {
    name: String,
    description: String,
    price_minor: i64,
    currency: Currency,
    stock: i64,
}

/// A change of a product; a field that is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProductChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub price_minor: Option<i64>,
    pub active: Option<bool>,
    /// Pieces added, or written off if negative. A difference and not a total, since a total would undo the reservations
    /// made after the administrator read the stock.
    pub stock_delta: Option<i64>,
}

/// A field whose value breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct InvalidField {
    /// The field's name on the wire.
    pub field: &'static str,
    /// The rule, as a phrase that follows the name.
    pub rule: &'static str,
}

impl NewProduct {
    /// Validates every field.
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

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn description(&self) -> &str {
        &self.description
    }

    pub fn price_minor(&self) -> i64 {
        self.price_minor
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Returns the initial stock.
    pub fn stock(&self) -> i64 {
        self.stock
    }
}

impl ProductChange {
    /// Validates the fields that change, of which there must be at least one.
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

/// Returns true if the text has a control character. PostgreSQL cannot store U+0000, and the others have no place in a name.
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
    fn an_invalid_product_is_refused_by_the_name_of_the_field() {
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
    fn a_change_without_a_difference_is_refused() {
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
