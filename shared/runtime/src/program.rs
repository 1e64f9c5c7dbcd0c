//! The identity of a program.

/// The identity of a program, for its help, its logs and its status page.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Name of the executable.
    pub name: &'static str,
    /// Version, as `--version` prints it.
    pub version: &'static str,
    /// One sentence for `--help`.
    pub about: &'static str,
}

/// Describes the program of the calling package by its `Cargo.toml`.
#[macro_export]
macro_rules! program {
    () => {
        $crate::Program {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            about: env!("CARGO_PKG_DESCRIPTION"),
        }
    };
}
