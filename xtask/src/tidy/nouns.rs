//! `shared` would be the same if we sold concert tickets: no business noun in its names and texts.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{LitStr, Macro};

use super::Finding;
use super::source::Source;

const NOUNS: [&str; 12] = [
    "order",
    "product",
    "payment",
    "user",
    "customer",
    "cart",
    "invoice",
    "inventory",
    "stock",
    "refund",
    "shipment",
    "catalogue",
];

/// Where one of them is no business noun.
const ALLOWED: [(&str, &[&str], &str); 3] = [
    (
        "shared/src/identity",
        &["user", "customer"],
        "who calls, which is the same for whatever is sold",
    ),
    (
        "shared/src/testing/bed.rs",
        &["user", "customer"],
        "who calls, as above",
    ),
    ("shared/src/http_client/base_url.rs", &["user"], "a part of a URL"),
];

/// Phrases of SQL, HTTP and English that have nothing to do with the shop.
const PHRASES: [&str; 5] = ["order by", "in order", "x-user-", "user-agent", "user info"];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut words = Words {
        path: &source.path,
        findings: Vec::new(),
    };
    if source.path.starts_with("shared/src/") {
        for item in source.production_items() {
            words.visit_item(item);
        }
    }
    words.findings.sort();
    words.findings.dedup();
    words.findings
}

struct Words<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl Words<'_> {
    fn look(&mut self, text: &str, line: usize) {
        let mut rest = text.to_lowercase();
        // Camel case is cut where it was written; phrases are lower case.
        let cut: String = text
            .chars()
            .flat_map(|c| if c.is_uppercase() { vec![' ', c] } else { vec![c] })
            .collect();
        let has_phrase = PHRASES.iter().any(|phrase| rest.contains(phrase));
        if has_phrase {
            for phrase in PHRASES {
                rest = rest.replace(phrase, " ");
            }
        } else {
            rest = if cut.contains("  ") { rest } else { cut.to_lowercase() };
        }
        for word in rest.split(|c: char| !c.is_alphabetic()) {
            let Some(noun) = NOUNS
                .iter()
                .find(|noun| word == **noun || word.strip_suffix('s') == Some(noun))
            else {
                continue;
            };
            if !is_allowed(self.path, noun) {
                let advice =
                    format!("`{noun}` in {text:?}: `shared` knows no business; pass it in, or move it to the service");
                self.findings
                    .push(Finding::new(self.path, line, "business-noun", advice));
            }
        }
    }

    fn look_at_tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => self.look(&ident.to_string(), ident.span().start().line),
                TokenTree::Group(group) => self.look_at_tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<LitStr>(&literal.to_string()) {
                        self.look(&text.value(), literal.span().start().line);
                    }
                }
                TokenTree::Punct(_) => {}
            }
        }
    }
}

fn is_allowed(path: &str, noun: &str) -> bool {
    ALLOWED
        .iter()
        .any(|(place, nouns, _)| path.starts_with(place) && nouns.contains(&noun))
}

impl<'ast> Visit<'ast> for Words<'_> {
    fn visit_ident(&mut self, ident: &'ast Ident) {
        self.look(&ident.to_string(), ident.span().start().line);
    }

    fn visit_lit_str(&mut self, text: &'ast LitStr) {
        self.look(&text.value(), text.span().start().line);
    }

    /// Comments are prose: only what the compiler keeps is looked at.
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if !attribute.path().is_ident("doc")
            && let Ok(list) = attribute.meta.require_list()
        {
            self.look_at_tokens(list.tokens.clone());
        }
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.look_at_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn count(path: &str, text: &str) -> usize {
        check(&Source::parse(path, text).unwrap()).len()
    }

    #[test]
    fn a_noun_is_found_in_names_texts_and_macros() {
        for text in [
            "struct OrderPlaced;",
            "fn find_orders() {}",
            "const A: &str = \"payment-queue\";",
            "fn a() {\n    info!(product = 1);\n}",
            "fn a() {\n    info!(\"no stock\");\n}",
            "#[serde(rename = \"userId\")]\nstruct A;",
            "const A: &str = \"select id from orders order by id\";",
        ] {
            assert_eq!(count("shared/src/a.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn words_that_only_look_like_one_are_not() {
        for text in [
            "fn reorder(border: u8) {}",
            "use std::cmp::Ordering;",
            "const A: &str = \"select id from outbox order by id\";",
            "const A: &str = \"x-user-id\";",
            "const A: &str = \"X-User-Id\";",
            "/// Keeps the order of a user's events.\nfn a() {}",
            "struct Production;",
        ] {
            assert_eq!(count("shared/src/a.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn places_matter() {
        assert_eq!(count("order-service/src/domain.rs", "struct Order;"), 0);
        assert_eq!(count("shared/src/identity.rs", "struct A { user_id: u8 }"), 0);
        assert_eq!(count("shared/src/identity.rs", "struct A { order_id: u8 }"), 1);
        assert_eq!(
            count("shared/src/a.rs", "#[cfg(test)]\nmod tests {\n    struct Order;\n}"),
            0
        );
    }
}
