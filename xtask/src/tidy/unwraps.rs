//! No `unwrap` outside tests: an `expect` says why it cannot fail.

use syn::ExprMethodCall;
use syn::visit::{self, Visit};

use super::Finding;
use super::source::Source;

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut unwraps = Unwraps {
        path: &source.path,
        findings: Vec::new(),
    };
    for item in source.production_items() {
        unwraps.visit_item(item);
    }
    unwraps.findings
}

struct Unwraps<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl<'ast> Visit<'ast> for Unwraps<'_> {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if call.method == "unwrap" || call.method == "unwrap_err" {
            let line = call.method.span().start().line;
            let advice = "return the error, or say with `expect` what makes it impossible";
            self.findings.push(Finding::new(self.path, line, "unwrap", advice));
        }
        visit::visit_expr_method_call(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    #[test]
    fn only_production_code_is_looked_at() {
        let call = "fn a() {\n    b().unwrap();\n}\n";
        let found = |path, text: &str| check(&Source::parse(path, text).unwrap());
        let lines: Vec<usize> = found("a/src/lib.rs", call).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2]);
        assert!(found("a/src/lib.rs", "fn a() {\n    b().unwrap_or_default();\n}\n").is_empty());
        assert!(found("a/src/lib.rs", &format!("#[cfg(test)]\nmod tests {{\n{call}}}")).is_empty());
        assert!(found("a/tests/it/main.rs", call).is_empty());
    }
}
