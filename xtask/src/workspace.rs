//! The files and packages of the workspace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// Where the project lies.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

/// A package of the workspace, as `cargo metadata` tells it.
#[derive(Debug, Clone, Deserialize)]
pub struct Package {
    /// Its name, which is also its folder.
    pub name: String,
    /// What it depends on, for building, running or testing.
    pub dependencies: Vec<Dependency>,
    /// What it is compiled to: its library, its programs, its tests.
    pub targets: Vec<Target>,
}

/// One thing that a package is compiled to.
#[derive(Debug, Clone, Deserialize)]
pub struct Target {
    /// The file that it begins with.
    pub src_path: PathBuf,
}

/// One dependency of a package.
#[derive(Debug, Clone, Deserialize)]
pub struct Dependency {
    /// The package that it names.
    pub name: String,
}

impl Workspace {
    /// The workspace that this program was built from.
    pub fn find() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .ok_or("the workspace has no folder")?;
        Ok(Self { root: root.to_owned() })
    }

    /// A workspace elsewhere; for tests.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder that holds the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The packages of the workspace.
    pub fn packages(&self) -> Result<Vec<Package>, String> {
        #[derive(Deserialize)]
        struct Metadata {
            packages: Vec<Package>,
        }
        let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
        let output = Command::new("cargo").args(arguments).current_dir(&self.root).output();
        let output = output.map_err(|error| format!("cargo metadata: {error}"))?;
        if !output.status.success() {
            return Err(format!(
                "cargo metadata: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ));
        }
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
        Ok(metadata.packages)
    }

    /// The services' folders: the gateway, and all that are called so.
    pub fn services(&self) -> Vec<String> {
        let folders = fs::read_dir(&self.root)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().is_dir());
        let names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut services: Vec<String> = names.filter(|name| is_service(name)).collect();
        services.sort();
        services
    }

    /// Paths of all files of the project, relative to its root, in order.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        collect(&self.root, "", &mut files);
        files.sort();
        files
    }

    /// A file's text; `None` if it is not there or not text.
    pub fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }
}

/// Whether a package or folder is a service.
pub(crate) fn is_service(name: &str) -> bool {
    name == "gateway" || name.ends_with("-service")
}

/// What builds and runs leave behind is not part of the project.
fn is_made(name: &str) -> bool {
    matches!(name, "target" | ".git" | "node_modules") || name.starts_with(".run")
}

fn collect(root: &Path, folder: &str, files: &mut Vec<String>) {
    let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_made(&name) {
            continue;
        }
        let path = if folder.is_empty() {
            name
        } else {
            format!("{folder}/{name}")
        };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(root, &path, files),
            Ok(kind) if kind.is_file() => files.push(path),
            _ => {}
        }
    }
}
