//! The rules of this project that no other tool knows. Each is a function from what it looks at to its findings.

use crate::workspace::Workspace;
use source::{Source, is_rust};
use std::collections::BTreeSet;

mod codes;
mod contracts;
mod copies;
mod cycles;
mod dependencies;
mod domain;
mod failpoints;
mod finding;
mod imports;
mod names;
mod prose;
mod register;
mod sizes;
pub(crate) mod source;

pub use finding::Finding;

/// Checks every rule on the whole project.
pub fn check(workspace: &Workspace) -> Vec<Finding> {
    let files = workspace.files();
    let (sources, mut findings) = sources(workspace, &files);
    for source in &sources {
        findings.extend(sizes::check(source));
        findings.extend(domain::check(source));
    }
    let mut prose = prose::Prose::default();
    for path in &files {
        findings.extend(names::check(path));
        if let Some(text) = workspace.text(path) {
            findings.extend(prose::promises(path, &text));
            if is_rust(path) {
                prose.read(path, &text);
            } else if path.contains("/contracts/") && path.ends_with(".schema.json") {
                findings.extend(prose::descriptions(path, &text));
            }
        }
    }
    findings.extend(prose.findings());
    match workspace.packages() {
        Ok(packages) => {
            findings.extend(dependencies::check(&packages));
            findings.extend(cycles::check(&packages, &sources));
        }
        Err(error) => findings.push(Finding::new("Cargo.toml", 1, "dependencies", error)),
    }
    let document = |path| workspace.text(path).unwrap_or_default();
    findings.extend(failpoints::check(&sources, &document(failpoints::LIST)));
    findings.extend(codes::check(&sources, &document(codes::LIST)));
    findings.extend(copies::check(workspace, &files));
    findings.extend(contracts::check(workspace, &files));
    findings.sort();
    findings
}

/// Reads all Rust files. A file can be known as a test only after its parent has been read.
pub(crate) fn sources(workspace: &Workspace, files: &[String]) -> (Vec<Source>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut sources = Vec::new();
    for path in files.iter().filter(|path| is_rust(path)) {
        match Source::parse(path, &workspace.text(path).unwrap_or_default()) {
            Ok(source) => sources.push(source),
            Err((line, error)) => findings.push(Finding::new(path, line, "syntax", error)),
        }
    }
    let tests: BTreeSet<String> = sources.iter().flat_map(|source| source.test_modules.clone()).collect();
    for source in &mut sources {
        source.note_test_modules(&tests);
    }
    (sources, findings)
}
