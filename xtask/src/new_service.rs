//! A new service: a folder made from `templates/service`, and its entries in the files that name services.
//!
//! It is made from text, since the files that it adds to are written by hand and keep their comments. The templates are
//! files of their own, so that they are read and corrected like a service; a word between double underscores is a
//! placeholder.

use crate::{
    output, platform,
    workspace::{MESSAGING, Workspace},
};
use plan::Plan;
use std::{fs, process::Command};

mod catalogue;
mod plan;
mod registration;
mod template;
mod words;

pub use plan::Options;

/// Makes the service that `options` ask for. Changes nothing if it exists already, or if something is wrong. Returns
/// what `cargo xtask platform` finds wrong afterwards.
pub fn create(workspace: &Workspace, options: &Options) -> Result<Vec<String>, String> {
    let Some(plan) = Plan::make(workspace, options)? else {
        output::print(&format!("{} exists with these events: nothing to do", options.name));
        return Ok(Vec::new());
    };
    let mut files = template::service(workspace, &plan)?;
    for path in workspace.files() {
        if let Some(name) = path.strip_prefix(MESSAGING) {
            let text = workspace.text(&path).ok_or_else(|| format!("{path}: missing"))?;
            files.push((format!("{}/migrations/{name}", plan.name), text));
        }
    }
    let changed = registration::register(workspace, &plan)?;
    for (path, text) in files.iter().chain(&changed) {
        write(workspace, path, text)?;
    }
    cargo(workspace, &["fmt", "--package", &plan.name])?;
    cargo(workspace, &["update", "--workspace", "--offline", "--quiet"])?;
    let findings = platform::run(workspace, false)?;
    output::print(&summary(&plan, files.len(), &changed));
    Ok(findings)
}

fn write(workspace: &Workspace, path: &str, text: &str) -> Result<(), String> {
    let target = workspace.root().join(path);
    let folder = target.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| fs::write(&target, text))
        .map_err(|error| format!("{path}: {error}"))
}

fn cargo(workspace: &Workspace, arguments: &[&str]) -> Result<(), String> {
    let line = format!("cargo {}", arguments.join(" "));
    let output = Command::new("cargo")
        .args(arguments)
        .current_dir(workspace.root())
        .output();
    let output = output.map_err(|error| format!("{line}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{line}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

fn summary(plan: &Plan, created: usize, changed: &[(String, String)]) -> String {
    let Plan { name, port, .. } = plan;
    let changed: Vec<&str> = changed.iter().map(|(path, _)| path.as_str()).collect();
    format!(
        "created {name}/ ({created} files, port {port})\n\
         changed {}, Cargo.lock, and the files generated from platform.toml\n\
         next: cargo test -p {name} -p rabbitmq -p gateway (CONTRIBUTING.md starts the servers), a row in README.md",
        changed.join(", ")
    )
}
