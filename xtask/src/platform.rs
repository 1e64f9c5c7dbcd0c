//! `platform.toml`, the one description of the platform, and what follows from it.
//!
//! The scripts' lists and the blocks of compose.yaml are generated: the scripts run where no Rust is, and Compose has no
//! loops. What has reasons of its own to name services (topology, routes, workspace members) is written by hand and
//! compared.

use std::fs;
use std::path::Path;

use crate::workspace::Workspace;
use agreement::Topology;
use description::Platform;

mod agreement;
mod bash;
mod compose;
mod description;
mod process;
mod region;
mod rules;
mod setting;

#[cfg(test)]
mod tests;

/// Writes the generated files and regions, or with `check` names those that are out of date; then the rest that is wrong.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<Vec<String>, String> {
    let sources = Sources::read(workspace)?;
    let wrong = sources.check()?;
    if !wrong.is_empty() {
        return Ok(wrong);
    }
    let mut findings = Vec::new();
    for (path, text) in sources.files(&|path| read(workspace, path))? {
        let old = workspace.text(path).unwrap_or_default();
        if old == text {
            continue;
        }
        if check {
            let line = first_difference(&old, &text);
            findings.push(finding(path, line, "out of date: run cargo xtask platform"));
        } else {
            fs::write(workspace.root().join(path), text).map_err(|error| format!("{path}: {error}"))?;
        }
    }
    findings.extend(hand_written(workspace, &sources.platform));
    Ok(findings)
}

/// Everything that is out of date or wrong; for `cargo xtask tidy`.
pub(crate) fn check(workspace: &Workspace) -> Vec<String> {
    run(workspace, true).unwrap_or_else(|error| vec![error])
}

/// The name of each process with each of its ports.
pub(crate) fn ports(workspace: &Workspace) -> Result<Vec<(String, u16)>, String> {
    let platform = Platform::parse(&read(workspace, description::FILE)?)?;
    let processes = process::processes(&platform);
    let ports = processes
        .iter()
        .flat_map(|process| process.ports.iter().map(|port| (process.name.to_owned(), port.number)));
    Ok(ports.collect())
}

/// The files that describe the platform or must agree with its description.
struct Sources {
    text: String,
    platform: Platform,
    topology: Topology,
    manifest: String,
}

impl Sources {
    fn read(workspace: &Workspace) -> Result<Self, String> {
        let text = |path| read(workspace, path);
        Self::parse(
            text(description::FILE)?,
            &text(agreement::TOPOLOGY)?,
            &text(agreement::ROUTES)?,
            text(agreement::MEMBERS)?,
        )
    }

    fn parse(text: String, topology: &str, routes: &str, manifest: String) -> Result<Self, String> {
        let mut platform = Platform::parse(&text)?;
        platform.gateway.calls = agreement::upstreams(routes)?.into_iter().collect();
        Ok(Self {
            text,
            platform,
            topology: Topology::parse(topology)?,
            manifest,
        })
    }

    /// Mistakes in the description, and differences between it and the other files.
    fn check(&self) -> Result<Vec<String>, String> {
        let wrong = [
            rules::check(&self.platform),
            agreement::with_topology(&self.platform, &self.topology),
            agreement::with_members(&self.platform, &self.manifest)?,
        ];
        let line = |name: &str| {
            let entry = format!("name = \"{name}\"");
            self.text
                .lines()
                .position(|line| line == entry)
                .map_or(1, |index| index + 1)
        };
        let wrong = wrong.concat();
        Ok(wrong
            .iter()
            .map(|(name, advice)| finding(description::FILE, line(name), advice))
            .collect())
    }

    /// The generated files and their text; `read` gives the present text of those that are generated in part.
    fn files(&self, read: &dyn Fn(&str) -> Result<String, String>) -> Result<Vec<(&'static str, String)>, String> {
        let (platform, delays_ms) = (&self.platform, &self.topology.retry_delays_ms);
        let in_file = |path, error| format!("{path}: {error}");
        let mut whole = read(compose::FILE)?;
        for (region, lines) in compose::regions(platform, delays_ms) {
            whole = region::replace(&whole, region, &lines).map_err(|error| in_file(compose::FILE, error))?;
        }
        let overlay = region::replace(&read(compose::INNER_PORTS)?, "ports", &compose::inner_ports(platform))
            .map_err(|error| in_file(compose::INNER_PORTS, error))?;
        Ok(vec![
            (bash::FILE, bash::file(platform, delays_ms)),
            (compose::FILE, whole),
            (compose::INNER_PORTS, overlay),
        ])
    }
}

/// Hand-written lines of scripts and Compose files that repeat what the description says.
fn hand_written(workspace: &Workspace, platform: &Platform) -> Vec<String> {
    let mut findings = Vec::new();
    for path in workspace.files() {
        let text = || workspace.text(&path).unwrap_or_default();
        let is_compose = path == compose::FILE || path == compose::INNER_PORTS;
        let is_prose = Path::new(&path).extension().is_some_and(|extension| extension == "md");
        let is_script = path.starts_with("deploy/") && path != bash::FILE && !is_prose;
        let mut wrong = Vec::new();
        if is_compose {
            wrong.extend(agreement::with_ports(platform, &text()));
        }
        if is_compose || is_script {
            wrong.extend(agreement::without_names(platform, &text()));
        }
        findings.extend(wrong.iter().map(|(line, advice)| finding(&path, *line, advice)));
    }
    findings
}

fn read(workspace: &Workspace, path: &str) -> Result<String, String> {
    workspace.text(path).ok_or_else(|| format!("{path}: missing"))
}

fn first_difference(old: &str, new: &str) -> usize {
    let same = old.lines().zip(new.lines()).take_while(|(old, new)| old == new);
    same.count() + 1
}

fn finding(path: &str, line: usize, advice: &str) -> String {
    format!("{path}:{line}: platform: {advice}")
}
