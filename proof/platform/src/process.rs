//! Operating-system processes: signals and children.

use rustix::process::{Pid, kill_process};
use std::fs;

/// A signal that the harness sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGKILL: the immediate end.
    Kill,
    /// SIGTERM: the request to stop.
    Term,
    /// SIGSTOP: the process is paused.
    Stop,
    /// SIGCONT: the process goes on.
    Cont,
}

/// Sends a signal to a process; `false` if no process has that id.
pub fn send(pid: u32, signal: Signal) -> bool {
    let signal = match signal {
        Signal::Kill => rustix::process::Signal::KILL,
        Signal::Term => rustix::process::Signal::TERM,
        Signal::Stop => rustix::process::Signal::STOP,
        Signal::Cont => rustix::process::Signal::CONT,
    };
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
}

/// The ids of a process's children.
pub fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in parentheses and may contain any character: "7 (a b) S 1 …".
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        os::unix::process::ExitStatusExt,
        process::{Command, id},
    };

    #[test]
    fn a_child_is_found_and_ended_by_a_signal() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep is a program");
        assert!(children(id()).contains(&child.id()));
        assert!(send(child.id(), Signal::Term));
        assert_eq!(child.wait().expect("it has ended").signal(), Some(15));
        assert!(!children(id()).contains(&child.id()));
    }

    #[test]
    fn a_process_that_does_not_exist_gets_no_signal() {
        assert!(!send(u32::MAX, Signal::Cont) && !send(0, Signal::Cont));
    }
}
