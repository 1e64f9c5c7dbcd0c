//! One line about a wrong or missing argument.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error;

/// Renders a parse error as one line that names environment variables.
pub(super) fn one_line(command: &clap::Command, error: &clap::Error) -> String {
    let names = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(name)) => vec![variable(command, name)],
        Some(ContextValue::Strings(names)) => names.iter().map(|name| variable(command, name)).collect(),
        _ => Vec::new(),
    };
    match (error.kind(), names.as_slice()) {
        (ErrorKind::MissingRequiredArgument, [name]) => format!("environment variable {name} is not set"),
        (ErrorKind::MissingRequiredArgument, [_, _, ..]) => {
            format!("environment variables {} are not set", names.join(", "))
        }
        (ErrorKind::ValueValidation | ErrorKind::InvalidValue, [name]) => {
            let value = match error.get(ContextKind::InvalidValue) {
                Some(ContextValue::String(value)) if !is_secret(name) => value.as_str(),
                _ => "…",
            };
            let reason = error.source().map_or_else(
                || "it is not one of the possible values".to_owned(),
                ToString::to_string,
            );
            format!("environment variable {name} has the unusable value `{value}`: {reason}")
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            format!("{} (--help shows what there is)", first.trim_start_matches("error: "))
        }
    }
}

/// Returns true if the value of this variable must not be printed.
pub(super) fn is_secret(variable: &str) -> bool {
    ["PASSWORD", "TOKEN", "SECRET", "KEY", "URL"]
        .iter()
        .any(|word| variable.contains(word))
}

/// Returns the variable of an argument that clap calls `--listen-addr <LISTEN_ADDR>`.
fn variable(command: &clap::Command, argument: &str) -> String {
    let long = argument
        .trim_start_matches('-')
        .split([' ', '='])
        .next()
        .unwrap_or_default();
    let found = command.get_arguments().find(|known| known.get_long() == Some(long));
    let variable = found.and_then(|known| known.get_env());
    variable.map_or_else(|| argument.to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use crate::arguments::from_variables;

    #[derive(Debug, clap::Args)]
    struct Config {
        #[arg(long, env = "SEATS_MAX")]
        seats_max: u16,
        #[arg(long, env = "BOX_OFFICE_TOKEN")]
        box_office_token: u32,
        #[arg(long, env = "ROWS", default_value_t = 7)]
        rows: u16,
    }

    #[test]
    fn a_missing_or_wrong_variable_is_named_on_one_line() {
        let missing = from_variables::<Config>(&[("SEATS_MAX", ""), ("BOX_OFFICE_TOKEN", "1")]).unwrap_err();
        assert_eq!(missing, "environment variable SEATS_MAX is not set");
        let both = from_variables::<Config>(&[]).unwrap_err();
        assert_eq!(both, "environment variables SEATS_MAX, BOX_OFFICE_TOKEN are not set");
        let wrong = from_variables::<Config>(&[("SEATS_MAX", "many"), ("BOX_OFFICE_TOKEN", "1")]).unwrap_err();
        assert!(
            wrong.contains("SEATS_MAX") && wrong.contains("`many`") && !wrong.contains('\n'),
            "{wrong}"
        );
    }

    #[test]
    fn a_secret_is_not_printed() {
        let wrong = from_variables::<Config>(&[("SEATS_MAX", "3"), ("BOX_OFFICE_TOKEN", "hunter2")]).unwrap_err();
        assert!(
            wrong.contains("BOX_OFFICE_TOKEN") && !wrong.contains("hunter2"),
            "{wrong}"
        );
    }

    #[test]
    fn an_absent_or_empty_variable_takes_its_default() {
        let config = from_variables::<Config>(&[("SEATS_MAX", "3"), ("BOX_OFFICE_TOKEN", "1"), ("ROWS", "")]).unwrap();
        assert_eq!((config.seats_max, config.box_office_token, config.rows), (3, 1, 7));
    }
}
