//! Each failpoint stands at one place in the code and on one line of the list that tests go by.

use super::{
    finding::Finding,
    register::{Places, listed, missing, repeated},
    source::Source,
};
use syn::{
    Expr, ExprCall, ExprLit, Lit,
    visit::{self, Visit},
};

pub(super) const LIST: &str = "docs/failpoints.md";
const RULE: &str = "failpoint";
/// The module that defines the functions; it has a path below `shared/` that may change.
const HOME: &str = "/src/failpoint.rs";

pub(super) fn check(sources: &[Source], list: &str) -> Vec<Finding> {
    let mut calls = Calls::default();
    for source in sources.iter().filter(|source| !source.path.ends_with(HOME)) {
        calls.path = &source.path;
        for item in source.production_items() {
            calls.visit_item(item);
        }
    }
    let Calls {
        mut findings, places, ..
    } = calls;
    let listed = listed(LIST, list, 2);
    let ambiguous = "is called at more than one place: a test could not say which";
    findings.extend(repeated(&places, RULE, ambiguous));
    findings.extend(repeated(&listed, RULE, "has more than one line"));
    findings.extend(missing(&places, &listed, RULE, "has no line in docs/failpoints.md"));
    findings.extend(missing(&listed, &places, RULE, "is called nowhere"));
    findings
}

#[derive(Default)]
struct Calls<'a> {
    path: &'a str,
    places: Places<'a>,
    findings: Vec<Finding>,
}

impl<'ast> Visit<'ast> for Calls<'_> {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        visit::visit_expr_call(self, call);
        let Expr::Path(function) = &*call.func else { return };
        let mut names = function.path.segments.iter().rev().map(|segment| &segment.ident);
        let is_ours = names.next().is_some_and(|name| name == "crash" || name == "taken")
            && names.next().is_some_and(|module| module == "failpoint");
        if !is_ours {
            return;
        }
        let line = function.path.segments[0].ident.span().start().line;
        if let Some(Expr::Lit(ExprLit {
            lit: Lit::Str(name), ..
        })) = call.args.first()
        {
            self.places.entry(name.value()).or_default().push((self.path, line));
        } else {
            let advice = "write the failpoint's name here, so that it can be looked for";
            self.findings.push(Finding::new(self.path, line, RULE, advice));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn found(code: &str, list: &str) -> Vec<String> {
        let source = Source::parse("a/src/lib.rs", code).unwrap();
        let findings = check(&[source], list);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_failpoint_with_its_line_passes() {
        let code = "async fn a() { async { if failpoint::taken(\"x\", s) {} }.await; shared::failpoint::crash(\"y\") }";
        let list = "# List\n| F | name |\n|---|---|\n| 1 | `x` | a |\n| 2 | `y` | a |\n";
        assert_eq!(found(code, list), [""; 0]);
    }

    #[test]
    fn missing_and_repeated_failpoints_are_found() {
        let crash = "fn a() { failpoint::crash(\"x\") }";
        assert_eq!(
            found(crash, ""),
            ["a/src/lib.rs:1: failpoint: `x` has no line in docs/failpoints.md"]
        );
        assert_eq!(
            found("", "| 1 | `x` |"),
            ["docs/failpoints.md:1: failpoint: `x` is called nowhere"]
        );
        let twice = "fn a() { failpoint::crash(\"x\") }\nfn b() { failpoint::crash(\"x\") }";
        let found_twice = found(twice, "| 1 | `x` |");
        assert!(
            found_twice.len() == 1 && found_twice[0].starts_with("a/src/lib.rs:2:"),
            "{found_twice:?}"
        );
        assert_eq!(found("fn a(n: &str) { failpoint::crash(n) }", "").len(), 1);
        assert_eq!(found(crash, "| 1 | `x` |\n| 2 | `x` |").len(), 1);
    }

    #[test]
    fn failpoints_in_tests_are_ignored() {
        assert_eq!(found("#[test]\nfn a() { failpoint::crash(\"x\") }", ""), [""; 0]);
    }
}
