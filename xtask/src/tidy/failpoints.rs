//! Each failpoint stands at one place in the code and on one line of the list that tests go by.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprLit, Lit};

use super::Finding;
use super::source::Source;

pub(super) const LIST: &str = "docs/failpoints.md";
/// Where the functions are, and their own tests.
const HOME: &str = "shared/src/failpoint.rs";

/// A failpoint's name, and where it is said: path and line.
type Places<'a> = BTreeMap<String, Vec<(&'a str, usize)>>;

pub(super) fn check(sources: &[Source], list: &str) -> Vec<Finding> {
    let mut calls = Calls::default();
    for source in sources.iter().filter(|source| source.path != HOME) {
        calls.path = &source.path;
        for item in source.production_items() {
            calls.visit_item(item);
        }
    }
    let Calls {
        mut findings, places, ..
    } = calls;
    let listed = listed(list);
    findings.extend(surplus(
        &places,
        "is called at more than one place: a test could not say which",
    ));
    findings.extend(surplus(&listed, "has more than one line"));
    findings.extend(missing(&places, &listed, "has no line in docs/failpoints.md"));
    findings.extend(missing(&listed, &places, "is called nowhere"));
    findings
}

/// The second column of each row of the table.
fn listed(list: &str) -> Places<'static> {
    let mut places = Places::new();
    for (index, line) in list.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
        let name = line.split('|').nth(2).unwrap_or_default().trim();
        if let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')) {
            places.entry(name.to_owned()).or_default().push((LIST, index + 1));
        }
    }
    places
}

fn surplus<'a>(places: &'a Places<'_>, advice: &'a str) -> impl Iterator<Item = Finding> + 'a {
    places.iter().flat_map(move |(name, places)| {
        let surplus = places.iter().skip(1);
        surplus.map(move |(path, line)| Finding::new(path, *line, "failpoint", format!("`{name}` {advice}")))
    })
}

fn missing<'a>(here: &'a Places<'_>, there: &'a Places<'_>, advice: &'a str) -> impl Iterator<Item = Finding> + 'a {
    let missing = here.iter().filter(|(name, _)| !there.contains_key(*name));
    missing.flat_map(move |(name, places)| {
        let found = places.iter();
        found.map(move |(path, line)| Finding::new(path, *line, "failpoint", format!("`{name}` {advice}")))
    })
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
            self.findings.push(Finding::new(self.path, line, "failpoint", advice));
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
    fn what_is_missing_or_said_twice_is_found() {
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
    fn tests_may_call_what_they_like() {
        assert_eq!(found("#[test]\nfn a() { failpoint::crash(\"x\") }", ""), [""; 0]);
    }
}
