//! Files that each service must have, and files that are copies of one another.

use super::finding::Finding;
use crate::workspace::{Workspace, is_service};

/// The first of these that exists.
const ORIGINALS: [&str; 2] = ["shared/messaging/sql/messaging.sql", "shared/sql/messaging.sql"];
const REBUILD: &str = "cargo:rerun-if-changed=migrations";

pub(super) fn check(workspace: &Workspace, files: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in workspace.services() {
        let readme = format!("{service}/README.md");
        if !files.contains(&readme) {
            let advice = "missing: say what the service owns, its endpoints, its events and how it fails";
            findings.push(Finding::new(&readme, 1, "readme", advice));
        }
        let build = format!("{service}/build.rs");
        let migrates = files
            .iter()
            .any(|path| path.starts_with(&format!("{service}/migrations/")));
        if migrates && !workspace.text(&build).is_some_and(|text| text.contains(REBUILD)) {
            let advice = format!("must print {REBUILD}: nothing else notices a new migration");
            findings.push(Finding::new(&build, 1, "migrations", advice));
        }
    }
    let is_there = |path: &&str| files.iter().any(|file| file == path);
    let name = ORIGINALS.into_iter().find(is_there).unwrap_or(ORIGINALS[0]);
    let original = workspace.text(name).unwrap_or_default();
    for path in files {
        let is_copy =
            path.ends_with("/migrations/0001_messaging.sql") && path.split('/').next().is_some_and(is_service);
        let text = workspace.text(path).unwrap_or_default();
        if is_copy && text != original {
            let same = text
                .lines()
                .zip(original.lines())
                .take_while(|(ours, theirs)| ours == theirs)
                .count();
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
    fn a_service_has_a_readme_a_build_script_and_the_same_messaging_tables() {
        let project = Project::with(&[
            ("shared/messaging/sql/messaging.sql", "a\nb\n"),
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
                ("b-service/migrations/0001_messaging.sql", 2)
            ]
        );
    }
}
