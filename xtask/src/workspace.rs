//! The files and packages of the workspace.

use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The folder of the migrations that every service has, byte for byte.
pub(crate) const MESSAGING: &str = "shared/messaging/sql/";

/// The project's folder.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

/// A package as `cargo metadata` describes it. Paths are relative to the workspace.
#[derive(Debug, Clone, Deserialize)]
pub struct Package {
    pub name: String,
    pub manifest_path: PathBuf,
    /// The packages that it needs for building, running or testing.
    pub dependencies: Vec<Dependency>,
    pub targets: Vec<Target>,
}

/// A crate that a package is compiled to.
#[derive(Debug, Clone, Deserialize)]
pub struct Target {
    pub name: String,
    /// `lib`, `bin`, `test`, `example`, …
    pub kind: Vec<String>,
    /// The crate's root file.
    pub src_path: PathBuf,
}

/// A dependency of a package.
#[derive(Debug, Clone, Deserialize)]
pub struct Dependency {
    pub name: String,
}

impl Package {
    /// The folder below the workspace's root, such as `shared/web`.
    pub fn folder(&self) -> String {
        let folder = self.manifest_path.parent().unwrap_or(Path::new(""));
        folder.to_string_lossy().into_owned()
    }

    /// True if a dependency of any kind has this name.
    pub fn depends_on(&self, name: &str) -> bool {
        self.dependencies.iter().any(|dependency| dependency.name == name)
    }
}

impl Target {
    /// True for a crate of this kind.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|own| own == kind)
    }
}

impl Workspace {
    /// The workspace that this program was built from.
    pub fn find() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        Ok(Self::at(root.ok_or("the workspace has no folder")?))
    }

    /// A workspace in another folder; for tests.
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
            workspace_root: PathBuf,
        }
        let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
        let output = Command::new("cargo").args(arguments).current_dir(&self.root).output();
        let output = output.map_err(|error| format!("cargo metadata: {error}"))?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!("cargo metadata: {}", errors.trim()));
        }
        let Metadata {
            mut packages,
            workspace_root,
        } = serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
        for package in &mut packages {
            let targets = package.targets.iter_mut().map(|target| &mut target.src_path);
            for path in targets.chain([&mut package.manifest_path]) {
                if let Ok(relative) = path.strip_prefix(&workspace_root) {
                    *path = relative.to_owned();
                }
            }
        }
        Ok(packages)
    }

    /// The folders of the gateway and of each `…-service`.
    pub fn services(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
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

    /// A file's text; `None` if it is missing or not text.
    pub fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }
}

/// True for the name of a service's package or folder.
pub(crate) fn is_service(name: &str) -> bool {
    name == "gateway" || name.ends_with("-service")
}

/// Build products and the data of runs are not part of the project.
fn is_generated(name: &str) -> bool {
    matches!(name, "target" | ".git" | "node_modules") || name.starts_with(".run")
}

fn collect(root: &Path, folder: &str, files: &mut Vec<String>) {
    let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_generated(&name) {
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
