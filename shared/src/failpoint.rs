//! Failpoints: named places where a test lets this process die, or an answer go unheard, at the worst moment.
//!
//! `docs/failpoints.md` lists them all. A file in the folder that `FAILPOINT_DIR` names arms one of them; it is called
//! like the failpoint, or `<failpoint>@<service>` where only one service shall act on it. Taking the file away is what
//! entitles to act, so one file acts once, among however many processes, and the process that is started again lives on.
//!
//! Only builds with debug assertions look. In release builds these functions are empty.

use crate::config::{ConfigError, Env};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

static WATCHED: OnceLock<Watched> = OnceLock::new();

#[derive(Debug)]
struct Watched {
    folder: PathBuf,
    service: &'static str,
}

/// From now on this process, which is `service`, looks for armed failpoints, if `FAILPOINT_DIR` is set. Later calls
/// change nothing.
pub fn watch(service: &'static str, env: &Env) -> Result<(), ConfigError> {
    if cfg!(debug_assertions)
        && let Some(folder) = env.optional("FAILPOINT_DIR")?
    {
        WATCHED.get_or_init(|| Watched { folder, service });
    }
    Ok(())
}

/// Ends the process on the spot if `name` is armed: nothing is flushed, closed or rolled back by us.
#[inline]
pub fn crash(name: &str) {
    if cfg!(debug_assertions)
        && let Some(Watched { folder, service }) = WATCHED.get()
        && take(folder, name, service)
    {
        tracing::error!(failpoint = name, "dying here, as a test wants it");
        std::process::abort();
    }
}

/// Whether `name` was armed for `service`, and is now to be acted on.
#[inline]
pub fn taken(name: &str, service: &str) -> bool {
    cfg!(debug_assertions)
        && WATCHED
            .get()
            .is_some_and(|watched| take(&watched.folder, name, service))
}

/// What the caller of a database hears whose connection is cut.
pub(crate) fn cut() -> sqlx::Error {
    sqlx::Error::Io(io::ErrorKind::ConnectionReset.into())
}

/// Removing a file succeeds for exactly one of all that try.
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
    fn one_file_acts_once_however_many_come_by() {
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
    fn a_file_can_name_who_shall_act() {
        let folder = folder("here@seat-service");
        assert!(!take(&folder, "here", "box-office"));
        assert!(!take(&folder, "there", "seat-service"));
        assert!(take(&folder, "here", "seat-service"));
        fs::remove_dir(folder).unwrap();
    }

    #[test]
    fn nothing_is_armed_where_no_folder_is_watched() {
        assert!(!taken("here", "seat-service"));
        crash("here");
    }
}
