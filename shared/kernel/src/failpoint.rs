//! Failpoints: named places where a test kills this process, or drops an answer, at the worst moment.
//!
//! `docs/failpoints.md` lists them all. A file in the folder that `FAILPOINT_DIR` names arms one of them; it is called
//! like the failpoint, or `<failpoint>@<service>` where only one service should act on it. Removing the file is what
//! entitles a process to act: one file acts once among any number of processes, and a restarted process survives.
//!
//! Only builds with debug assertions look. In release builds these functions are empty.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

static WATCHED: OnceLock<Watched> = OnceLock::new();

#[derive(Debug)]
struct Watched {
    folder: PathBuf,
    service: &'static str,
}

/// Makes this process, an instance of `service`, act on the failpoints that are armed in `folder`. Later calls change
/// nothing.
pub fn watch(service: &'static str, folder: Option<PathBuf>) {
    if cfg!(debug_assertions)
        && let Some(folder) = folder
    {
        WATCHED.get_or_init(|| Watched { folder, service });
    }
}

/// Aborts the process if `name` is armed: nothing is flushed, closed or rolled back.
#[inline]
pub fn crash(name: &str) {
    if cfg!(debug_assertions)
        && let Some(Watched { folder, service }) = WATCHED.get()
        && take(folder, name, service)
    {
        tracing::error!(failpoint = name, "Aborting at an armed failpoint");
        std::process::abort();
    }
}

/// Returns true if `name` was armed for `service`, and disarms it: the caller acts on it now.
#[inline]
pub fn taken(name: &str, service: &str) -> bool {
    cfg!(debug_assertions)
        && WATCHED
            .get()
            .is_some_and(|watched| take(&watched.folder, name, service))
}

/// Removes the file; of all processes that try, one succeeds.
fn take(folder: &Path, name: &str, service: &str) -> bool {
    let files = [name.to_owned(), format!("{name}@{service}")];
    files.iter().any(|file| fs::remove_file(folder.join(file)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(armed: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(crate::id::new().to_string());
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(armed), "").unwrap();
        folder
    }

    #[test]
    fn one_file_acts_once_among_concurrent_threads() {
        let folder = folder("here");
        let tries: Vec<_> = (0..8)
            .map(|_| {
                let folder = folder.clone();
                std::thread::spawn(move || take(&folder, "here", "seat-service"))
            })
            .collect();
        let taken = tries.into_iter().map(|thread| thread.join().unwrap());
        assert_eq!(taken.filter(|taken| *taken).count(), 1);
        fs::remove_dir(folder).unwrap();
    }

    #[test]
    fn a_file_can_name_the_service_that_acts() {
        let folder = folder("here@seat-service");
        assert!(!take(&folder, "here", "box-office"));
        assert!(!take(&folder, "there", "seat-service"));
        assert!(take(&folder, "here", "seat-service"));
        fs::remove_dir(folder).unwrap();
    }

    #[test]
    fn nothing_is_armed_without_a_folder() {
        assert!(!taken("here", "seat-service"));
        crash("here");
    }
}
