//! Signals to processes, by the program `kill`: sending one by oneself needs unsafe code.

use serde::Serialize;
use std::process::Stdio;

/// A signal, by the name that `kill` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Signal {
    /// The end, at once.
    Kill,
    /// The request to stop.
    Term,
    /// Stands still.
    Stop,
    /// Goes on.
    Cont,
}

/// Sends a signal to a process; `false` if there is none of that id.
pub fn send(pid: u32, signal: Signal) -> bool {
    let name = match signal {
        Signal::Kill => "-KILL",
        Signal::Term => "-TERM",
        Signal::Stop => "-STOP",
        Signal::Cont => "-CONT",
    };
    let sent = std::process::Command::new("kill")
        .args([name, &pid.to_string()])
        .stderr(Stdio::null())
        .status();
    sent.is_ok_and(|status| status.success())
}
