//! Standard output, line by line.

use std::io::Write as _;

/// Ignores a closed pipe: `cargo xtask tidy | head` is no failure.
pub(crate) fn print(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}
