//! The example of the README runs.

use std::{env::current_exe, process::Command};

#[test]
fn the_example_sells_a_ticket_and_prints_it() {
    // Beside the tests' own folder, where `cargo test` builds the examples.
    let tests = current_exe().unwrap();
    let example = tests.ancestors().nth(2).unwrap().join("examples/concert_tickets");
    let output = Command::new(&example)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(text, "Seat B12 is taken and its ticket printed.\n");
}
