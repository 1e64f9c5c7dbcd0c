//! `domain` is pure: it knows no framework, and time and ids come in from outside.

use syn::visit::{self, Visit};
use syn::{Path, UseTree};

use super::Finding;
use super::source::Source;

const FRAMEWORKS: [&str; 10] = [
    "axum",
    "deadpool_redis",
    "http",
    "hyper",
    "lapin",
    "lettre",
    "reqwest",
    "sqlx",
    "tokio",
    "tower",
];
const FROM_OUTSIDE: [&str; 4] = ["clock", "id", "database", "messaging"];

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
    paths.findings
}

struct Paths<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl Paths<'_> {
    fn look(&mut self, first: &syn::Ident, second: Option<&str>) {
        let name = first.to_string();
        let advice = if FRAMEWORKS.contains(&name.as_str()) {
            format!("`domain` knows no framework: move what needs `{name}` to the store, the events or the endpoints")
        } else if name == "shared" && second.is_some_and(|second| FROM_OUTSIDE.contains(&second)) {
            format!(
                "`domain` takes time, ids and data as values: pass in what `shared::{}` gives",
                second.unwrap_or("")
            )
        } else {
            return;
        };
        self.findings
            .push(Finding::new(self.path, first.span().start().line, "domain", advice));
    }

    /// Each first and second name of a `use`, which may open into braces at both.
    fn look_at_use(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                let seconds = names(&path.tree);
                if seconds.is_empty() {
                    self.look(&path.ident, None);
                }
                for second in seconds
                    .iter()
                    .take(if path.ident == "shared" { seconds.len() } else { 1 })
                {
                    self.look(&path.ident, Some(second));
                }
            }
            UseTree::Name(name) => self.look(&name.ident, None),
            UseTree::Rename(name) => self.look(&name.ident, None),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.look_at_use(tree)),
            UseTree::Glob(_) => {}
        }
    }
}

fn names(tree: &UseTree) -> Vec<String> {
    match tree {
        UseTree::Path(path) => vec![path.ident.to_string()],
        UseTree::Name(name) => vec![name.ident.to_string()],
        UseTree::Rename(name) => vec![name.ident.to_string()],
        UseTree::Group(group) => group.items.iter().flat_map(names).collect(),
        UseTree::Glob(_) => Vec::new(),
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.look_at_use(&item.tree);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.segments.len() > 1 {
            let second = path.segments[1].ident.to_string();
            self.look(&path.segments[0].ident, Some(&second));
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
            "use axum::*;",
            "use {serde::Serialize, tokio::time};",
            "#[derive(sqlx::Type)]\nstruct A;\nfn a(pool: sqlx::PgPool) {}",
            "use shared::{clock, page::Page};",
            "fn a() -> Uuid { shared::id::new() }",
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
        let plain = "use chrono::{DateTime, Utc};\nuse serde::Serialize;\nuse uuid::Uuid;\nuse shared::page::Page;";
        assert_eq!(count("a-service/src/domain.rs", plain), 0);
        assert_eq!(count("a-service/src/store.rs", "use sqlx::PgPool;"), 0);
    }
}
