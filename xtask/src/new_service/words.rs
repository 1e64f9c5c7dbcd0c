//! Words in the forms that code, JSON, SQL and prose give them.

/// `order_id` or `order.confirmed` as a type: `OrderId`, `OrderConfirmed`.
pub(super) fn type_name(text: &str) -> String {
    text.split(['_', '.']).map(capitalized).collect()
}

/// `order.confirmed` as a variable: `order_confirmed`.
pub(super) fn snake_case(event: &str) -> String {
    event.replace('.', "_")
}

/// The name of a JSON field as a variable: `orderId` → `order_id`.
pub(super) fn variable(field: &str) -> String {
    let mut name = String::new();
    for letter in field.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// The plural by the rules of regular nouns.
pub(super) fn plural(noun: &str) -> String {
    let is_vowel = |letter: char| "aeiou".contains(letter);
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(is_vowel) => format!("{stem}ies"),
        _ if ["s", "x", "z", "ch", "sh"].iter().any(|end| noun.ends_with(end)) => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

pub(super) fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use super::{plural, snake_case, type_name, variable};

    #[test]
    fn one_name_has_a_form_for_each_language() {
        assert_eq!(type_name("order.payment_received"), "OrderPaymentReceived");
        assert_eq!(snake_case("order.payment_received"), "order_payment_received");
        assert_eq!(variable("orderId"), "order_id");
        assert_eq!(type_name(&variable("orderId")), "OrderId");
    }

    #[test]
    fn regular_nouns_have_a_plural() {
        let nouns = ["shipment", "category", "delivery", "survey", "address", "box", "batch"];
        let plurals = nouns.map(plural);
        assert_eq!(
            plurals,
            [
                "shipments",
                "categories",
                "deliveries",
                "surveys",
                "addresses",
                "boxes",
                "batches"
            ]
        );
    }
}
