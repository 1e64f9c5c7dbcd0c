//! Help and one-line errors of the command line.

use super::{Arguments, one_line};
use clap::{CommandFactory as _, Parser as _};

fn refusal(arguments: &[&str]) -> String {
    one_line(&Arguments::try_parse_from([&["topology"], arguments].concat()).unwrap_err())
}

#[test]
fn a_wrong_value_is_one_line_that_names_argument_variable_and_value() {
    let line = refusal(&["--wait-s", "soon", "verify"]);
    for part in ["--wait-s", "RABBITMQ_WAIT_S", "'soon'", "invalid digit"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!line.contains('\n') && !line.contains("Usage"), "{line}");
    let line = refusal(&[
        "--operator-user",
        "o",
        "--operator-password",
        "p",
        "watch",
        "--interval-s",
        "0",
    ]);
    assert!(line.contains("WATCH_INTERVAL_S") && !line.contains('\n'), "{line}");
}

#[test]
fn help_names_every_variable_and_default_but_no_password() {
    let help = Arguments::command().render_long_help().to_string();
    for part in [
        "RABBITMQ_MANAGEMENT_URL",
        "http://127.0.0.1:15683",
        "RABBITMQ_VHOST",
        "RABBITMQ_OPERATOR_USER",
        "[env: RABBITMQ_OPERATOR_PASSWORD]",
        "TOPOLOGY_FILE",
        "RABBITMQ_WAIT_S",
        "[default: 60]",
        "<NAME>_RABBITMQ_PASSWORD",
    ] {
        assert!(help.contains(part), "{part} is missing in {help}");
    }
}
