//! The settings that local mode has written for each process, one `NAME=value` a line, quoted for a shell.

use crate::error::HarnessError;
use std::{collections::BTreeMap, fs, path::Path};

/// Environment variables of a process, by name.
pub type Settings = BTreeMap<String, String>;

/// Reads the settings of a process, such as `order-service`.
pub fn read(run_dir: &Path, process: &str) -> Result<Settings, HarnessError> {
    let path = run_dir.join("environment").join(process);
    let text = fs::read_to_string(&path).map_err(|source| HarnessError::File {
        path: path.clone(),
        source,
    })?;
    let unreadable = || HarnessError::unexpected(format!("{} cannot be parsed", path.display()));
    parse(&text).ok_or_else(unreadable)
}

fn parse(text: &str) -> Option<Settings> {
    let setting = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.to_owned(), unquote(value)?))
    };
    text.lines().map(setting).collect()
}

/// Undoes bash's `printf %q`, which puts a backslash before each special character. Control characters, which it would
/// write as `$'…'`, have no place in a setting.
fn unquote(value: &str) -> Option<String> {
    if value == "''" {
        return Some(String::new());
    }
    if value.starts_with("$'") {
        return None;
    }
    let mut plain = String::new();
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' {
            characters.next()?
        } else {
            character
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_quoting_is_undone() {
        let text = "LOG=info\nEMPTY=''\nARGS=-noinput\\ +B\\ i\nURL=amqp://u:p@h/v\\?a=b\n";
        let settings = parse(text).expect("it is as bash writes it");
        let value = |name: &str| settings[name].as_str();
        assert_eq!((value("LOG"), value("EMPTY")), ("info", ""));
        assert_eq!((value("ARGS"), value("URL")), ("-noinput +B i", "amqp://u:p@h/v?a=b"));
        assert_eq!(parse("LINES=$'a\\nb'\n"), None);
    }
}
