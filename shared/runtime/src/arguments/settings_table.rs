//! The table of a program's environment variables, for its README.

use std::fmt::Write as _;

/// Renders the variables of a program as a Markdown table.
pub(super) fn render(command: &clap::Command) -> String {
    let mut table = String::from("| variable | default | what |\n|---|---|---|\n");
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        let Some(variable) = argument.get_env() else { continue };
        let defaults: Vec<_> = argument
            .get_default_values()
            .iter()
            .map(|value| value.to_string_lossy())
            .collect();
        let default = match (argument.is_required_set(), defaults.is_empty()) {
            (true, _) => "required".to_owned(),
            (false, true) => String::new(),
            (false, false) => format!("`{}`", defaults.join(",")),
        };
        let what = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let what = what.replace('\n', " ").replace('|', "\\|");
        writeln!(table, "| `{}` | {default} | {what} |", variable.to_string_lossy()).ok();
    }
    table
}
