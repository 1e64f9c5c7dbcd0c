//! The example of the README runs.

#![cfg(test)]

use std::{env::current_exe, process::Command};

#[test]
fn the_example_retries_and_then_finds_the_circuit_open() {
    // Beside the tests' own folder, where `cargo test` builds the examples.
    let tests = current_exe().unwrap();
    let example = tests.ancestors().nth(2).unwrap().join("examples/ticket_price");
    let output = Command::new(&example)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        text.starts_with("B12 costs \"EUR 80.00\", after 2 retries.\nThe circuit is open"),
        "{text}"
    );
}
