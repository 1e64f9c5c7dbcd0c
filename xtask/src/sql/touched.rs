//! Makes the compiler look at a package again, and leaves no trace.

use crate::workspace::Workspace;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The root files of a package's targets, marked as changed. They get their old times back when this is dropped, so
/// that the next ordinary build does not compile everything again.
pub(super) struct Touched(Vec<(PathBuf, SystemTime, SystemTime)>);

impl Touched {
    /// Of the library, the programs and every test: each has its own queries.
    pub(super) fn roots_of(workspace: &Workspace, package: &str) -> Result<Self, String> {
        let packages = workspace.packages()?;
        let package = packages.iter().find(|other| other.name == package);
        let roots = package.ok_or("not a package of the workspace")?.targets.iter();
        roots
            .map(|target| touch(&workspace.root().join(&target.src_path)))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn touch(path: &Path) -> Result<(PathBuf, SystemTime, SystemTime), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let before = fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .map_err(failed)?;
    let file = File::options().append(true).open(path).map_err(failed)?;
    #[expect(clippy::disallowed_methods, reason = "a file's time, not the platform's")]
    file.set_modified(SystemTime::now()).map_err(failed)?;
    let now = file
        .metadata()
        .and_then(|metadata| metadata.modified())
        .map_err(failed)?;
    Ok((path.to_owned(), before, now))
}

impl Drop for Touched {
    fn drop(&mut self) {
        for (path, before, touched) in &self.0 {
            let unchanged = fs::metadata(path)
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|now| now == *touched);
            if unchanged && let Ok(file) = File::options().append(true).open(path) {
                // A file that stays newer costs one more compilation, no more.
                file.set_modified(*before).ok();
            }
        }
    }
}
