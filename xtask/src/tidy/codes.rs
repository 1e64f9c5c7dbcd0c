//! Stable codes of log lines: each `code = "…"` of a tracing macro has its line in the table that operators and proofs
//! read, and the table has no other. Proofs search logs for codes, so a code that is only renamed would blind them.

use super::{
    finding::Finding,
    register::{Places, listed, missing},
    source::Source,
};
use proc_macro2::TokenTree;
use syn::{
    LitStr, Macro,
    visit::{self, Visit},
};

pub(super) const LIST: &str = "docs/logging.md";
const RULE: &str = "log-code";
const MACROS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "event"];

pub(super) fn check(sources: &[Source], list: &str) -> Vec<Finding> {
    let mut codes = Codes::default();
    for source in sources {
        codes.path = &source.path;
        codes.is_coverage = source.path.starts_with("proof/chaos/src/") && source.path.ends_with("/coverage.rs");
        for item in source.production_items() {
            codes.visit_item(item);
        }
    }
    let listed = listed(LIST, list, 1);
    let mut findings = missing(&codes.logged, &listed, RULE, "has no line in docs/logging.md");
    let unlisted = "has no line in docs/logging.md: the proof may wait in vain";
    findings.extend(missing(&codes.covered, &listed, RULE, unlisted));
    findings.extend(missing(&listed, &codes.logged, RULE, "is logged nowhere"));
    findings
}

#[derive(Default)]
struct Codes<'a> {
    path: &'a str,
    is_coverage: bool,
    /// The codes that tracing macros write.
    logged: Places<'a>,
    /// The codes that the storm's coverage report counts.
    covered: Places<'a>,
}

impl<'ast> Visit<'ast> for Codes<'_> {
    /// Finds `code = "…"` among the macro's own arguments. Another `code = …` is a field of another meaning.
    fn visit_macro(&mut self, call: &'ast Macro) {
        visit::visit_macro(self, call);
        if !MACROS
            .iter()
            .any(|name| call.path.segments.last().is_some_and(|last| last.ident == name))
        {
            return;
        }
        let tokens: Vec<TokenTree> = call.tokens.clone().into_iter().collect();
        for window in tokens.windows(3) {
            if let [
                TokenTree::Ident(name),
                TokenTree::Punct(equals),
                TokenTree::Literal(value),
            ] = window
                && name == "code"
                && equals.as_char() == '='
                && let Ok(code) = syn::parse_str::<LitStr>(&value.to_string())
            {
                let place = (self.path, value.span().start().line);
                self.logged.entry(code.value()).or_default().push(place);
            }
        }
    }

    fn visit_lit_str(&mut self, text: &'ast LitStr) {
        if self.is_coverage && is_code(&text.value()) {
            let place = (self.path, text.span().start().line);
            self.covered.entry(text.value()).or_default().push(place);
        }
    }
}

/// Tells `relay.restarted` from `report.json` and from prose.
fn is_code(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let parts = text.split_once('.');
    parts
        .is_some_and(|(subject, event)| is_word(subject) && is_word(event) && !["json", "log", "toml"].contains(&event))
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    const LIST: &str = "| code | meaning |\n|---|---|\n| `relay.restarted` | a |\n";

    fn found(files: &[(&str, &str)], list: &str) -> Vec<String> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source::parse(path, text).unwrap())
            .collect();
        check(&sources, list).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_code_that_is_logged_listed_and_covered_passes() {
        let relay =
            "fn a() { tokio::select! { _ = b => {} }\n tracing::warn!(code = \"relay.restarted\", queue, \"A\"); }";
        let coverage = "const A: [&str; 2] = [\"relay.restarted\", \"report.json\"];";
        let files = [
            ("shared/messaging/src/relay.rs", relay),
            ("proof/chaos/src/coverage.rs", coverage),
        ];
        assert_eq!(found(&files, LIST), [""; 0]);
    }

    #[test]
    fn a_code_that_stands_on_one_side_only_is_found() {
        let relay = "fn a() {\n    warn!(error, code = \"relay.started\", \"A\");\n}";
        let found_both = found(&[("shared/messaging/src/relay.rs", relay)], LIST);
        let missing = "shared/messaging/src/relay.rs:2: log-code: `relay.started` has no line in docs/logging.md";
        assert_eq!(
            found_both,
            [
                missing,
                "docs/logging.md:3: log-code: `relay.restarted` is logged nowhere"
            ]
        );
        let coverage = [("proof/chaos/src/report/coverage.rs", "const A: &str = \"relay.gone\";")];
        assert!(found(&coverage, "")[0].contains("the proof may wait in vain"));
        assert_eq!(found(&[("proof/chaos/src/plan.rs", coverage[0].1)], ""), [""; 0]);
    }

    #[test]
    fn tests_and_other_fields_and_macros_are_left_alone() {
        let code = "#[test]\nfn a() { info!(code = \"a.b\") }\nfn b() { info!(code, status = \"c.d\"); json!({code = \"e.f\"}) }";
        assert_eq!(found(&[("shared/web/src/lib.rs", code)], ""), [""; 0]);
    }
}
