//! Files and functions that one can read at once.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, Signature};

use super::Finding;
use super::source::Source;

const FILE_LINES_MAX: usize = 400;
const TEST_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 50;
/// Tests tell a story from top to bottom.
const TEST_FUNCTION_LINES_MAX: usize = 70;

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (tests, code) = if source.is_test {
        (source.lines, 0)
    } else {
        (source.test_lines, source.lines - source.test_lines)
    };
    if code > FILE_LINES_MAX {
        let advice = format!("{code} lines without tests: split it by what changes together (aim under 300)");
        findings.push(Finding::new(&source.path, 1, "file-size", advice));
    }
    if tests > TEST_LINES_MAX {
        let advice = format!("{tests} lines of tests: split them by what they show (at most {TEST_LINES_MAX})");
        findings.push(Finding::new(&source.path, 1, "file-size", advice));
    }
    let mut functions = Functions {
        path: &source.path,
        lines_max: FUNCTION_LINES_MAX,
        findings,
    };
    for item in source.production_items() {
        functions.visit_item(item);
    }
    functions.lines_max = TEST_FUNCTION_LINES_MAX;
    functions.visit_file(&source.whole);
    functions.findings.sort();
    functions.findings.dedup_by(|a, b| (a.line, a.rule) == (b.line, b.rule));
    functions.findings
}

struct Functions<'a> {
    path: &'a str,
    lines_max: usize,
    findings: Vec<Finding>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &Signature, block: &Block) {
        let first = signature.span().start().line;
        let lines = block.span().end().line + 1 - first;
        if lines > self.lines_max {
            let advice = format!(
                "`{}` has {lines} lines: split it (at most {})",
                signature.ident, self.lines_max
            );
            self.findings
                .push(Finding::new(self.path, first, "function-size", advice));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    work();\n".repeat(lines - 2))
    }

    fn rules(path: &str, text: &str) -> Vec<String> {
        check(&Source::parse(path, text).unwrap())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_function_of_fifty_lines_passes_and_one_more_does_not() {
        assert!(rules("a/src/lib.rs", &function(50)).is_empty());
        let found = rules("a/src/lib.rs", &function(51));
        assert_eq!(
            found,
            ["a/src/lib.rs:1: function-size: `long` has 51 lines: split it (at most 50)"]
        );
        assert_eq!(
            rules("a/src/lib.rs", &format!("struct A;\nimpl A {{\n{}}}", function(51))).len(),
            1
        );
    }

    #[test]
    fn a_test_may_be_longer() {
        assert!(rules("a/tests/it/main.rs", &function(70)).is_empty());
        assert_eq!(rules("a/tests/it/main.rs", &function(71)).len(), 1);
        let inside = |lines| format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(lines));
        assert!(rules("a/src/lib.rs", &inside(70)).is_empty());
        assert_eq!(rules("a/src/lib.rs", &inside(71)).len(), 1);
    }

    #[test]
    fn files_count_without_their_tests() {
        let items = |count: usize| "const A: u8 = 1;\n".repeat(count);
        assert!(rules("a/src/lib.rs", &items(400)).is_empty());
        assert!(rules("a/src/lib.rs", &items(401))[0].contains("file-size"));
        let tests = |count| format!("#[cfg(test)]\nmod tests {{\n{}}}\n", items(count));
        assert!(rules("a/src/lib.rs", &(items(400) + &tests(500))).is_empty());
        assert_eq!(rules("a/src/lib.rs", &tests(600)).len(), 1);
        assert!(rules("a/tests/it/main.rs", &items(600)).is_empty());
        assert_eq!(rules("a/tests/it/main.rs", &items(601)).len(), 1);
    }
}
