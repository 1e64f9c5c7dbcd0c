//! Files that can be read at once. Functions are clippy's matter (`too-many-lines-threshold`).

use super::{finding::Finding, source::Source};

const CODE_LINES_MAX: usize = 400;
const TEST_LINES_MAX: usize = 600;

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let code = source.code_lines();
    let tests = if source.is_test {
        source.lines
    } else {
        source.test_lines
    };
    let mut findings = Vec::new();
    if code > CODE_LINES_MAX {
        let advice = format!("{code} lines without tests: split it by what changes together (aim under 300)");
        findings.push(Finding::new(&source.path, 1, "file-size", advice));
    }
    if tests > TEST_LINES_MAX {
        let advice = format!("{tests} lines of tests: split them by what they show (at most {TEST_LINES_MAX})");
        findings.push(Finding::new(&source.path, 1, "file-size", advice));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn rules(path: &str, text: &str) -> Vec<String> {
        let findings = check(&Source::parse(path, text).unwrap());
        findings.iter().map(ToString::to_string).collect()
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
