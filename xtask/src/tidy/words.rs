//! Words that the project does not use: promises that nobody can keep, and addresses that are true on one machine only.

use super::Finding;

/// In two parts each, so that this file passes its own rule.
const FORBIDDEN: [(&str, &str, &str); 7] = [
    (
        "exactly ",
        "once",
        "say what holds: delivered at least once, effect once, outside effects carry a key",
    ),
    (
        "exactly-",
        "once",
        "say what holds: delivered at least once, effect once, outside effects carry a key",
    ),
    (
        "crates",
        ".io",
        "the project names no package registry: name the crate and its version",
    ),
    (
        "docker",
        ".io/",
        "the project names no package registry: name the image and its version",
    ),
    ("artif", "actory", "the project names no package registry"),
    ("/wo", "rk/", "a path of one machine: say it relative to the project"),
    ("/ro", "ot/", "a path of one machine: say it relative to the project"),
];

/// Cargo writes the registry's address into it.
const EXEMPT: [&str; 1] = ["Cargo.lock"];

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    if EXEMPT.contains(&path) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.to_lowercase();
        for (first, second, advice) in FORBIDDEN {
            if line.contains(&[first, second].concat()) && !line.contains("never") {
                let advice = format!("{:?}: {advice}", [first, second].concat());
                findings.push(Finding::new(path, index + 1, "words", advice));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{FORBIDDEN, check};

    #[test]
    fn each_of_them_is_found_with_its_line() {
        for (first, second, _) in FORBIDDEN {
            let text = format!("fine\nwith {first}{second} in it\n");
            let found = check("docs/a.md", &text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].line, 2);
            assert!(check("Cargo.lock", &text).is_empty());
        }
    }

    #[test]
    fn saying_that_we_never_promise_it_is_fine() {
        assert!(check("docs/a.md", &["We never write exactly ", "once."].concat()).is_empty());
        assert!(check("docs/a.md", "working at least once").is_empty());
    }
}
