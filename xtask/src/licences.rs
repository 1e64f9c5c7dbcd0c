//! Licences, banned crates and sources, as `deny.toml` says.

use crate::workspace::Workspace;
use std::{path::Path, process::Command};

const VERSION: &str = "0.20.2";
/// Ignored by git. About three minutes of computing, once.
const FOLDER: &str = ".run-tools";

/// Runs cargo-deny, which prints its findings itself.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>, String> {
    let program = workspace.root().join(FOLDER).join("bin/cargo-deny");
    if !is_installed(&program) {
        let root = workspace.root().join(FOLDER);
        let arguments = ["install", "cargo-deny", "--locked", "--version", VERSION, "--root"];
        run(Command::new("cargo")
            .args(arguments)
            .arg(root)
            .current_dir(workspace.root()))?;
    }
    let arguments = [
        "--locked",
        "--log-level",
        "error",
        "check",
        "licenses",
        "bans",
        "sources",
    ];
    run(Command::new(program).args(arguments).current_dir(workspace.root()))?;
    Ok(Vec::new())
}

fn is_installed(program: &Path) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == format!("cargo-deny {VERSION}"))
}

fn run(command: &mut Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if status.success() {
        Ok(())
    } else {
        Err("cargo-deny: see above; the rules are in deny.toml".to_owned())
    }
}
