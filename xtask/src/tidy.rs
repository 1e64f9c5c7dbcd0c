//! The rules of this project that no other tool knows. Each is a function from what it looks at to its findings.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use crate::workspace::Workspace;
use source::Source;

mod contracts;
mod copies;
mod dependencies;
mod domain;
mod extractors;
mod failpoints;
mod names;
mod nouns;
mod sizes;
mod source;
mod unwraps;
mod words;

/// One broken rule. Displays as `path:line: rule: what to do`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    advice: String,
}

impl Finding {
    fn new(path: &str, line: usize, rule: &'static str, advice: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            rule,
            advice: advice.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            rule,
            advice,
        } = self;
        write!(formatter, "{path}:{line}: {rule}: {advice}")
    }
}

/// Checks every rule on the whole project.
pub fn check(workspace: &Workspace) -> Vec<Finding> {
    let files = workspace.files();
    let (sources, mut findings) = sources(workspace, &files);
    for source in &sources {
        findings.extend(sizes::check(source));
        findings.extend(unwraps::check(source));
        findings.extend(nouns::check(source));
        findings.extend(domain::check(source));
        findings.extend(extractors::check(source));
    }
    for path in &files {
        findings.extend(names::check(path));
        if let Some(text) = workspace.text(path) {
            findings.extend(words::check(path, &text));
        }
    }
    match workspace.packages() {
        Ok(packages) => findings.extend(dependencies::check(&packages)),
        Err(error) => findings.push(Finding::new("Cargo.toml", 1, "dependencies", error)),
    }
    let failpoints = workspace.text(failpoints::LIST).unwrap_or_default();
    findings.extend(failpoints::check(&sources, &failpoints));
    findings.extend(copies::check(workspace, &files));
    findings.extend(contracts::check(workspace, &files));
    findings.sort();
    findings
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// Reads all Rust files. Which of them are tests shows only once their parents have been read.
fn sources(workspace: &Workspace, files: &[String]) -> (Vec<Source>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut sources = Vec::new();
    for path in files.iter().filter(|path| is_rust(path)) {
        match Source::parse(path, &workspace.text(path).unwrap_or_default()) {
            Ok(source) => sources.push(source),
            Err((line, error)) => findings.push(Finding::new(path, line, "syntax", error)),
        }
    }
    let tests: BTreeSet<String> = sources.iter().flat_map(Source::test_module_paths).collect();
    for source in &mut sources {
        source.note_test_modules(&tests);
    }
    (sources, findings)
}
