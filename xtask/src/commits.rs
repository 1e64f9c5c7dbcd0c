//! Commit subjects: `area: imperative`, short enough for one line of a log.

use crate::workspace::Workspace;
use std::process::Command;

/// The last commit before this rule. A base that is not in the repository (a shallow clone) is not used.
const RULE_SINCE: &str = "1e457dd";
const SUBJECT_CHARS_MAX: usize = 72;

/// Checks the commits after `base`; by default those after [`RULE_SINCE`], else those that `origin/main` has not, else
/// the last 20.
pub(crate) fn check(workspace: &Workspace, base: Option<String>) -> Result<Vec<String>, String> {
    let default = || {
        let rule_since = git(
            workspace,
            &["rev-parse", "--verify", "--quiet", &format!("{RULE_SINCE}^{{commit}}")],
        );
        rule_since
            .or_else(|_| git(workspace, &["merge-base", "HEAD", "origin/main"]))
            .ok()
    };
    let range = base
        .or_else(default)
        .map_or("-20".to_owned(), |base| format!("{}..HEAD", base.trim()));
    let log = git(workspace, &["log", "--no-merges", "--format=%h %s", &range])?;
    let findings = log.lines().filter_map(|line| {
        let (commit, subject) = line.split_once(' ')?;
        Some(format!("{commit}: commit-subject: {}: {subject}", advice(subject)?))
    });
    Ok(findings.collect())
}

fn git(workspace: &Workspace, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(workspace.root())
        .output();
    let output = output.map_err(|error| format!("git cannot be started: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!(
            "git {}: {}",
            arguments[0],
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }
}

fn advice(subject: &str) -> Option<String> {
    let chars = subject.chars().count();
    if chars > SUBJECT_CHARS_MAX {
        return Some(format!("has {chars} characters, at most {SUBJECT_CHARS_MAX}"));
    }
    let is_area = |area: &str| {
        area.chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_/., ".contains(c))
    };
    let Some((area, text)) = subject
        .split_once(": ")
        .filter(|(area, _)| !area.is_empty() && is_area(area))
    else {
        return Some("write `area: imperative`, the area in lower case".to_owned());
    };
    let verb = text.split_whitespace().next().unwrap_or_default();
    let is_imperative = !["ing", "ed"]
        .iter()
        .any(|end| verb.len() > 5 && verb.ends_with(end) && !verb.ends_with("eed"));
    if !is_imperative || verb.is_empty() {
        return Some(format!(
            "say what `{area}` does with this commit in the imperative: add, fix, move"
        ));
    }
    text.ends_with('.')
        .then(|| "ends with a full stop, which a title has not".to_owned())
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn a_short_imperative_with_its_area_passes() {
        for subject in [
            "gateway: drain for 15 s",
            "deploy/local: embed the port list",
            "order-service, docs: bring the saga's table up to date",
        ] {
            assert_eq!(advice(subject), None, "{subject}");
        }
        assert_eq!(advice(&format!("web: {}", "x".repeat(67))), None);
    }

    #[test]
    fn other_subjects_are_refused_with_the_reason() {
        for (subject, part) in [
            ("Publish the drills of this code", "area: imperative"),
            ("Gateway: drain", "lower case"),
            ("gateway: ", "in the imperative"),
            ("gateway: drained for 15 s", "in the imperative"),
            ("gateway: drain.", "full stop"),
        ] {
            let advice = advice(subject).unwrap_or_default();
            assert!(advice.contains(part), "{subject}: {advice}");
        }
        assert!(
            advice(&format!("web: {}", "x".repeat(68)))
                .unwrap()
                .contains("73 characters")
        );
    }
}
