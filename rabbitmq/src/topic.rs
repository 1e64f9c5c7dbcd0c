//! Matching of routing keys against binding keys, as a topic exchange does it.

/// Matches a routing key against a binding key. Words are separated by dots; in a binding key `*` stands for one word and
/// `#` for any number of words, including none.
pub(crate) fn matches(binding_key: &str, routing_key: &str) -> bool {
    let pattern: Vec<&str> = words(binding_key);
    let key: Vec<&str> = words(routing_key);
    matches_words(&pattern, &key)
}

/// Splits a key into words. The empty key has no word, not one empty word.
fn words(key: &str) -> Vec<&str> {
    if key.is_empty() {
        Vec::new()
    } else {
        key.split('.').collect()
    }
}

fn matches_words(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern.split_first(), key.split_first()) {
        (None, None) => true,
        (Some((&"#", rest)), _) => (0..=key.len()).any(|taken| matches_words(rest, &key[taken..])),
        (Some((&"*", rest)), Some((_, key_rest))) => matches_words(rest, key_rest),
        (Some((word, rest)), Some((key_word, key_rest))) => word == key_word && matches_words(rest, key_rest),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_key_without_wildcards_matches_only_itself() {
        assert!(matches("order.placed", "order.placed"));
        assert!(!matches("order.placed", "order.failed"));
        assert!(!matches("order.placed", "order.placed.v2"));
        assert!(!matches("order.placed.v2", "order.placed"));
    }

    #[test]
    fn a_star_matches_one_word() {
        assert!(matches("order.*", "order.placed"));
        assert!(!matches("order.*", "order"));
        assert!(!matches("order.*", "order.placed.v2"));
        assert!(matches("*.placed", "order.placed"));
        assert!(!matches("*", "order.placed"));
        assert!(!matches("*", ""));
    }

    #[test]
    fn a_hash_matches_any_number_of_words() {
        for key in ["", "order", "order.placed", "order.placed.v2"] {
            assert!(matches("#", key), "# must match {key:?}");
        }
        assert!(matches("order.#", "order"));
        assert!(matches("order.#", "order.a.b"));
        assert!(!matches("order.#", "payment.a"));
        assert!(matches("#.placed", "a.b.placed"));
        assert!(matches("#.placed.#", "placed"));
        assert!(!matches("#.placed.#", "a.b"));
        assert!(matches("a.#.#.z", "a.z"));
        assert!(matches("a.#.*.z", "a.b.z"));
        assert!(!matches("a.#.*.z", "a.z"));
    }

    #[test]
    fn the_empty_binding_key_matches_only_the_empty_key() {
        assert!(matches("", ""));
        assert!(!matches("", "order"));
    }
}
