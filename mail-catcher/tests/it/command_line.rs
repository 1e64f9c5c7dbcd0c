use crate::support::Folder;
use std::process::{Command, Output};

/// Runs the built program with these variables and no others.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mail-catcher"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// Asserts that the program failed with one line on standard error, and returns it.
fn refusal(output: Output) -> String {
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

#[test]
fn a_wrong_or_missing_setting_is_one_line_that_names_the_variable() {
    let line = refusal(run(&[], &[("MAIL_DIR", "unused"), ("SMTP_ADDR", "somewhere")]));
    assert!(line.contains("SMTP_ADDR") && line.contains("somewhere"), "{line}");
    assert!(refusal(run(&[], &[])).contains("MAIL_DIR"));
}

#[test]
fn an_unusable_folder_is_one_line_that_names_the_variable() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path()).unwrap();
    std::fs::write(folder.mails(), "a file, not a folder").unwrap();
    let line = refusal(run(&[], &[("MAIL_DIR", folder.mails().to_str().unwrap())]));
    assert!(line.contains("MAIL_DIR"), "{line}");
}

#[test]
fn help_lists_the_variables_with_their_defaults() {
    let help = String::from_utf8(run(&["--help"], &[]).stdout).unwrap();
    for part in [
        "SMTP_ADDR",
        "127.0.0.1:11025",
        "HTTP_ADDR",
        "127.0.0.1:18025",
        "MAIL_DIR",
        "MAILS_MAX",
        "20000",
        "LOG",
    ] {
        assert!(help.contains(part), "{part} is missing in {help}");
    }
    let version = String::from_utf8(run(&["--version"], &[]).stdout).unwrap();
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
}
