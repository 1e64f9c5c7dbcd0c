//! `domain` is pure: it knows no framework, and time, ids and data come in from outside.

use super::{finding::Finding, imports::imports, source::Source};
use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, ItemUse, Path,
    visit::{self, Visit},
};

const FRAMEWORKS: [&str; 14] = [
    "axum",
    "database",
    "deadpool_redis",
    "http",
    "http_client",
    "hyper",
    "lapin",
    "lettre",
    "messaging",
    "reqwest",
    "runtime",
    "sqlx",
    "tokio",
    "tower",
];
/// Neighbours in a path that gives a time or an id.
const FROM_OUTSIDE: [(&str, &str); 3] = [("kernel", "clock"), ("clock", "now"), ("id", "new")];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let is_domain = source.path.ends_with("/src/domain.rs") || source.path.contains("/src/domain/");
    let mut paths = Paths {
        path: &source.path,
        findings: Vec::new(),
    };
    if is_domain {
        for item in source.production_items() {
            paths.visit_item(item);
        }
    }
    paths.findings.sort();
    paths.findings.dedup();
    paths.findings
}

struct Paths<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl Paths<'_> {
    fn look(&mut self, path: &[String], line: usize) {
        let crate_name = path.iter().find(|name| !name.is_empty()).map_or("", String::as_str);
        let is_from_outside = |pair: &[String]| FROM_OUTSIDE.contains(&(pair[0].as_str(), pair[1].as_str()));
        let advice = if FRAMEWORKS.contains(&crate_name) {
            format!("knows no framework: move what needs `{crate_name}` to the store, the events or the endpoints")
        } else if path.windows(2).any(is_from_outside) {
            format!("takes time and ids as values: pass in what `{}` gives", path.join("::"))
        } else {
            return;
        };
        self.findings
            .push(Finding::new(self.path, line, "domain", format!("`domain` {advice}")));
    }

    /// Looks at each word of an attribute's arguments: macros read them as code.
    fn look_at_words(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(word) => self.look(&[word.to_string()], word.span().start().line),
                TokenTree::Group(group) => self.look_at_words(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let line = item.use_token.span.start().line;
        for import in imports(item) {
            self.look(&import.path, line);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let name = &attribute.path().segments[0].ident;
        self.look(&[name.to_string()], name.span().start().line);
        if let Ok(list) = attribute.meta.require_list() {
            self.look_at_words(list.tokens.clone());
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.look(&names, path.segments[0].ident.span().start().line);
        }
        visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn count(path: &str, text: &str) -> usize {
        check(&Source::parse(path, text).unwrap()).len()
    }

    #[test]
    fn frameworks_are_refused_however_they_are_named() {
        for text in [
            "use sqlx::PgPool;",
            "use sqlx;",
            "use ::sqlx::PgPool;",
            "use axum::*;",
            "use {serde::Serialize, tokio::time};",
            "use messaging::Tx;",
            "#[derive(Debug, sqlx::Type)]\nstruct A;",
            "#[sqlx(rename_all = \"snake_case\")]\nenum A {}",
            "enum A {\n    #[sqlx(rename = \"b\")]\n    B,\n}",
            "#[cfg_attr(feature = \"store\", derive(sqlx::Type))]\nstruct A;",
            "fn a(pool: sqlx::PgPool) {}",
            "use kernel::{clock, page::Page};",
            "fn a() -> Uuid { kernel::id::new() }",
            "use kernel::id;\nfn a() -> Uuid { id::new() }",
        ] {
            assert_eq!(count("a-service/src/domain.rs", text), 1, "{text}");
        }
        assert_eq!(
            count("a-service/src/domain/part.rs", "use lapin::{Channel, Connection};"),
            1
        );
    }

    #[test]
    fn plain_libraries_and_other_files_are_not() {
        let plain = "use chrono::{DateTime, Utc};\nuse kernel::{id, page::Page};\n#[derive(serde::Serialize)]\n\
                     #[serde(rename = \"http\")]\nstruct A { id: uuid::Uuid }";
        assert_eq!(count("a-service/src/domain.rs", plain), 0);
        assert_eq!(count("a-service/src/store.rs", "use sqlx::PgPool;"), 0);
    }
}
