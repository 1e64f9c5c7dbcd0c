//! Tables of environment variables in READMEs, generated from what each binary parses.
//!
//! A binary that starts through `runtime` has a hidden subcommand `settings`, which prints its arguments as a Markdown
//! table. The table stands between `<!-- settings -->` and `<!-- /settings -->` in the README of the crate; a second
//! binary of a crate has `<!-- settings NAME -->`.

use crate::workspace::{Package, Workspace};
use std::{fs, process::Command};

const BOOTSTRAP: &str = "runtime";
const END: &str = "<!-- /settings -->";

/// Writes the table of each binary that starts through `runtime`. With `check` it changes nothing and returns a line
/// per table that differs.
pub(crate) fn generate(workspace: &Workspace, check: bool) -> Result<Vec<String>, String> {
    let mut findings = Vec::new();
    for package in workspace
        .packages()?
        .iter()
        .filter(|package| package.depends_on(BOOTSTRAP))
    {
        for binary in package.targets.iter().filter(|target| target.is("bin")) {
            let path = format!("{}/README.md", package.folder());
            let readme = workspace.text(&path).ok_or_else(|| format!("{path}: cannot be read"))?;
            let begin = if binary.name == package.name {
                "<!-- settings -->".to_owned()
            } else {
                format!("<!-- settings {} -->", binary.name)
            };
            let Some(fresh) = with_table(&readme, &begin, &table(workspace, package, &binary.name)?) else {
                findings.push(format!(
                    "{path}:1: settings: add `{begin}` and `{END}` where the variables are described"
                ));
                continue;
            };
            if check && fresh != readme {
                let line = readme.lines().take_while(|line| *line != begin).count() + 1;
                findings.push(format!(
                    "{path}:{line}: settings: differs from the binary: run `cargo xtask settings`"
                ));
            } else if fresh != readme {
                fs::write(workspace.root().join(&path), fresh).map_err(|error| format!("{path}: {error}"))?;
            }
        }
    }
    Ok(findings)
}

fn table(workspace: &Workspace, package: &Package, binary: &str) -> Result<String, String> {
    let arguments = [
        "run",
        "--quiet",
        "--package",
        &package.name,
        "--bin",
        binary,
        "--",
        "settings",
    ];
    let output = Command::new("cargo")
        .args(arguments)
        .current_dir(workspace.root())
        .output();
    let output = output.map_err(|error| format!("cargo run: {error}"))?;
    let table = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && table.starts_with('|') {
        return Ok(table);
    }
    let errors = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("`{binary} settings` printed no table\n{errors}"))
}

/// The README with `table` between its two marks; `None` without the marks.
fn with_table(readme: &str, begin: &str, table: &str) -> Option<String> {
    let (before, rest) = readme.split_once(begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::with_table;

    #[test]
    fn only_the_text_between_the_marks_changes() {
        let readme =
            "# A\n<!-- settings -->\n| old |\n<!-- /settings -->\nrest\n<!-- settings b -->\n<!-- /settings -->\n";
        let fresh = with_table(readme, "<!-- settings -->", "| new |").unwrap();
        assert_eq!(fresh, readme.replace("| old |", "| new |"));
        assert_eq!(
            with_table(&fresh, "<!-- settings -->", "| new |").unwrap(),
            fresh,
            "nothing left to change"
        );
        let second = with_table(readme, "<!-- settings b -->", "| b |").unwrap();
        assert!(second.ends_with("<!-- settings b -->\n| b |\n<!-- /settings -->\n"));
        assert_eq!(with_table("# A\n", "<!-- settings -->", "| new |"), None);
    }
}
