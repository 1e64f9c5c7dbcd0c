//! Reads configuration from environment variables, and names the variable when one is missing or wrong.

use std::{collections::HashMap, fmt::Display, path::PathBuf, str::FromStr};

/// The variables that a process was started with.
#[derive(Debug, Clone, Default)]
pub struct Env {
    variables: HashMap<String, String>,
}

/// A variable that is missing or cannot be used. Its text is the one line that the process prints before it ends.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is absent or empty.
    #[error("environment variable {name} is not set")]
    Missing {
        /// The variable.
        name: &'static str,
    },
    /// The value does not parse.
    #[error("environment variable {name} has the unusable value `{value}`: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What it holds; `…` where that is a secret.
        value: String,
        /// What was wrong with it.
        reason: String,
    },
    /// The variable names a file that cannot be read.
    #[error("environment variable {name} names the file {path}, which cannot be read: {reason}")]
    File {
        /// The variable.
        name: &'static str,
        /// The file it names.
        path: PathBuf,
        /// Why it cannot be read.
        reason: String,
    },
}

impl Env {
    /// The variables of this process.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    pub fn from_process() -> Self {
        Self {
            variables: std::env::vars().collect(),
        }
    }

    /// The given variables and no others; for tests.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self {
            variables: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// The value of a variable that must be there.
    pub fn required<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, ConfigError> {
        self.optional(name)?.ok_or(ConfigError::Missing { name })
    }

    /// The value of a variable, or `default` where it is absent.
    pub fn or<T: FromStr<Err: Display>>(&self, name: &'static str, default: T) -> Result<T, ConfigError> {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    /// The value of a variable that may be absent. Empty counts as absent.
    pub fn optional<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.variables.get(name).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        value.parse().map(Some).map_err(|reason: T::Err| ConfigError::Invalid {
            name,
            value: hide_secret(name, value),
            reason: reason.to_string(),
        })
    }

    /// The contents of the file that a variable names.
    pub fn file(&self, name: &'static str) -> Result<Vec<u8>, ConfigError> {
        let path: PathBuf = self.required(name)?;
        std::fs::read(&path).map_err(|error| ConfigError::File {
            name,
            path,
            reason: error.to_string(),
        })
    }
}

fn hide_secret(name: &str, value: &str) -> String {
    let secret = ["PASSWORD", "TOKEN", "SECRET", "KEY", "URL"]
        .iter()
        .any(|word| name.contains(word));
    if secret { "…".to_owned() } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_variable_that_is_missing_or_wrong() {
        let env = Env::from_pairs([("LIMIT", "many"), ("EMPTY", "")]);
        assert_eq!(
            env.required::<u16>("EMPTY").unwrap_err().to_string(),
            "environment variable EMPTY is not set"
        );
        let wrong = env.required::<u16>("LIMIT").unwrap_err().to_string();
        assert!(wrong.contains("LIMIT") && wrong.contains("many"), "{wrong}");
        assert_eq!(env.or("ABSENT", 7_u16).unwrap(), 7);
    }

    #[test]
    fn does_not_print_secrets() {
        let env = Env::from_pairs([("OPERATOR_TOKEN", "hunter2")]);
        assert!(
            !env.required::<u16>("OPERATOR_TOKEN")
                .unwrap_err()
                .to_string()
                .contains("hunter2")
        );
    }
}
