//! Files that each service and each library must have, and files that are copies of one another.

use super::finding::Finding;
use crate::workspace::{MESSAGING, Workspace};

/// The first migration of every service, after the folder.
const FIRST: &str = "0001_messaging.sql";
const REBUILD: &str = "cargo:rerun-if-changed=migrations";
const DOCUMENTED: &str = "#![warn(missing_docs)]";

pub(super) fn check(workspace: &Workspace, files: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_there = |path: &str| files.iter().any(|file| file == path);
    let has = |path: &str, text: &str| workspace.text(path).is_some_and(|file| file.contains(text));
    for service in workspace.services() {
        let readme = format!("{service}/README.md");
        if !is_there(&readme) {
            let advice = "missing: say what the service owns, its endpoints, its events and how it fails";
            findings.push(Finding::new(&readme, 1, "readme", advice));
        }
        let build = format!("{service}/build.rs");
        let migrations = format!("{service}/migrations/");
        if files.iter().any(|path| path.starts_with(&migrations)) && !has(&build, REBUILD) {
            let advice = format!("must print {REBUILD}: nothing else notices a new migration");
            findings.push(Finding::new(&build, 1, "migrations", advice));
        }
    }
    for library in files
        .iter()
        .filter_map(|path| path.strip_prefix("shared/")?.strip_suffix("/Cargo.toml"))
    {
        let readme = format!("shared/{library}/README.md");
        if !is_there(&readme) {
            let advice = "missing: overview, usage, configuration, failure modes";
            findings.push(Finding::new(&readme, 1, "readme", advice));
        }
        let root = format!("shared/{library}/src/lib.rs");
        if !has(&root, DOCUMENTED) {
            let advice = format!("a library's public items are documented: add {DOCUMENTED}");
            findings.push(Finding::new(&root, 1, "docs", advice));
        }
    }
    for original in files.iter().filter(|path| path.starts_with(MESSAGING)) {
        check_copies(workspace, files, original, &mut findings);
    }
    findings
}

/// Compares a migration of messaging with its copies. Who has the first of them has them all.
fn check_copies(workspace: &Workspace, files: &[String], original: &str, findings: &mut Vec<Finding>) {
    let theirs = workspace.text(original).unwrap_or_default();
    let name = original.trim_start_matches(MESSAGING);
    for folder in files.iter().filter_map(|path| path.strip_suffix(FIRST)) {
        let path = format!("{folder}{name}");
        let ours = workspace.text(&path).unwrap_or_default();
        if ours != theirs {
            let lines = ours.lines().zip(theirs.lines());
            let same = lines.take_while(|(ours, theirs)| ours == theirs).count();
            let advice =
                format!("differs from {original}: copy that file; put the service's own tables into another one");
            findings.push(Finding::new(&path, same + 1, "copy", advice));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::source::tests_project::Project;

    #[test]
    fn services_and_libraries_have_their_files_and_the_same_messaging_tables() {
        let project = Project::with(&[
            ("shared/messaging/sql/0001_messaging.sql", "a\nb\n"),
            ("shared/messaging/sql/0101_more.sql", "d\n"),
            ("shared/messaging/tests/it/migrations/0001_messaging.sql", "a\nb\n"),
            ("shared/messaging/tests/it/migrations/0101_more.sql", "d\n"),
            ("shared/web/Cargo.toml", ""),
            ("shared/web/src/lib.rs", ""),
            ("shared/kernel/Cargo.toml", ""),
            ("shared/kernel/README.md", ""),
            ("shared/kernel/src/lib.rs", "#![warn(missing_docs)]"),
            ("a-service/README.md", ""),
            ("a-service/build.rs", "cargo:rerun-if-changed=migrations"),
            ("a-service/migrations/0001_messaging.sql", "a\nb\n"),
            ("a-service/migrations/0101_more.sql", "e\n"),
            ("b-service/migrations/0001_messaging.sql", "a\nc\n"),
        ]);
        let found = check(&project.workspace, &project.workspace.files());
        let found: Vec<(&str, usize)> = found
            .iter()
            .map(|finding| (finding.path.as_str(), finding.line))
            .collect();
        assert_eq!(
            found,
            [
                ("b-service/README.md", 1),
                ("b-service/build.rs", 1),
                ("shared/web/README.md", 1),
                ("shared/web/src/lib.rs", 1),
                ("b-service/migrations/0001_messaging.sql", 2),
                ("a-service/migrations/0101_more.sql", 1),
                ("b-service/migrations/0101_more.sql", 1),
            ]
        );
    }
}
