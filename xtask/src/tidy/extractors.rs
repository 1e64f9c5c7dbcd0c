//! Requests are read with `shared::extract`, whose refusals are `problem+json`. `axum::Json` stays right for answers.

use syn::visit::{self, Visit};
use syn::{FnArg, ItemFn, Type, UseTree};

use super::Finding;
use super::source::Source;
use crate::workspace::is_service;

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let package = source.path.split('/').next().unwrap_or_default();
    let mut parameters = Parameters {
        path: &source.path,
        json_is_axums: false,
        findings: Vec::new(),
    };
    if is_service(package) {
        parameters.json_is_axums = source.production_items().iter().any(|item| match item {
            syn::Item::Use(item) => uses_axum_json(&item.tree, false),
            _ => false,
        });
        for item in source.production_items() {
            parameters.visit_item(item);
        }
    }
    parameters.findings
}

fn uses_axum_json(tree: &UseTree, inside_axum: bool) -> bool {
    match tree {
        UseTree::Path(path) => uses_axum_json(&path.tree, inside_axum || path.ident == "axum"),
        UseTree::Name(name) => inside_axum && name.ident == "Json",
        UseTree::Group(group) => group.items.iter().any(|tree| uses_axum_json(tree, inside_axum)),
        UseTree::Rename(_) | UseTree::Glob(_) => false,
    }
}

struct Parameters<'a> {
    path: &'a str,
    json_is_axums: bool,
    findings: Vec<Finding>,
}

impl<'ast> Visit<'ast> for Parameters<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        for input in &function.sig.inputs {
            let FnArg::Typed(parameter) = input else { continue };
            let Type::Path(kind) = &*parameter.ty else { continue };
            let names: Vec<String> = kind
                .path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect();
            let short = names.last().is_some_and(|name| name == "Json") && names.len() == 1 && self.json_is_axums;
            let long =
                names.first().is_some_and(|name| name == "axum") && names.last().is_some_and(|name| name == "Json");
            if short || long {
                let line = function.sig.ident.span().start().line;
                let advice = "read the body with shared::extract::Json, which refuses with problem+json";
                self.findings.push(Finding::new(self.path, line, "extractor", advice));
            }
        }
        visit::visit_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn count(path: &str, text: &str) -> usize {
        check(&Source::parse(path, text).unwrap()).len()
    }

    #[test]
    fn a_body_is_read_with_our_own_extractor() {
        let path = "a-service/src/http/place.rs";
        assert_eq!(
            count(path, "use axum::Json;\nasync fn place(Json(body): Json<Body>) {}"),
            1
        );
        assert_eq!(
            count(
                path,
                "use axum::{Json, Router};\nasync fn place(Json(body): Json<Body>) {}"
            ),
            1
        );
        assert_eq!(count(path, "async fn place(body: axum::Json<Body>) {}"), 1);
        assert_eq!(
            count(
                path,
                "use shared::extract::Json;\nasync fn place(Json(body): Json<Body>) {}"
            ),
            0
        );
        assert_eq!(
            count(path, "use axum::Json;\nasync fn show() -> Json<Body> { todo() }"),
            0
        );
        assert_eq!(
            count("shared/src/extract.rs", "use axum::Json;\nfn a(body: Json<Body>) {}"),
            0
        );
    }
}
