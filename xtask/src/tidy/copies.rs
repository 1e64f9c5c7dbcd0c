//! Files that each service and each library must have, and files that are copies of one another.

use super::finding::Finding;
use crate::workspace::{Workspace, is_service};

/// The first of these that exists.
const ORIGINALS: [&str; 2] = ["shared/messaging/sql/messaging.sql", "shared/sql/messaging.sql"];
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
    let name = ORIGINALS
        .into_iter()
        .find(|path| is_there(path))
        .unwrap_or(ORIGINALS[0]);
    let original = workspace.text(name).unwrap_or_default();
    for path in files
        .iter()
        .filter(|path| path.ends_with("/migrations/0001_messaging.sql"))
    {
        let text = workspace.text(path).unwrap_or_default();
        if path.split('/').next().is_some_and(is_service) && text != original {
            let lines = text.lines().zip(original.lines());
            let same = lines.take_while(|(ours, theirs)| ours == theirs).count();
            let advice = format!("differs from {name}: copy that file; put the service's own tables into a later one");
            findings.push(Finding::new(path, same + 1, "copy", advice));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::source::tests_project::Project;

    #[test]
    fn services_and_libraries_have_their_files_and_the_same_messaging_tables() {
        let project = Project::with(&[
            ("shared/messaging/sql/messaging.sql", "a\nb\n"),
            ("shared/web/Cargo.toml", ""),
            ("shared/web/src/lib.rs", ""),
            ("shared/kernel/Cargo.toml", ""),
            ("shared/kernel/README.md", ""),
            ("shared/kernel/src/lib.rs", "#![warn(missing_docs)]"),
            ("a-service/README.md", ""),
            ("a-service/build.rs", "cargo:rerun-if-changed=migrations"),
            ("a-service/migrations/0001_messaging.sql", "a\nb\n"),
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
                ("b-service/migrations/0001_messaging.sql", 2)
            ]
        );
    }
}
