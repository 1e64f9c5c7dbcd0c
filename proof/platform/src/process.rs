//! Operating-system processes: signals and children.

use rustix::process::{Pid, kill_process};
use std::{fs, str::FromStr, time::Duration};

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

/// The processor time that a process and all its children, also ended ones, have used.
pub fn processor_time(pid: u32) -> Duration {
    // utime, stime, cutime and cstime, in ticks of 10 ms (proc(5)).
    let ticks: u64 = (11..15).filter_map(|index| stat::<u64>(pid, index)).sum();
    Duration::from_millis(10 * ticks) + children(pid).into_iter().map(processor_time).sum::<Duration>()
}

/// The memory of a process in KiB: its proportional set size, in which shared pages are divided among their processes.
pub fn memory_kb(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let pss = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    pss.trim().trim_end_matches(" kB").parse().ok()
}

fn parent_of(pid: u32) -> Option<u32> {
    stat(pid, 1)
}

/// A field of `/proc/<pid>/stat`, counted from the state. The program's name, before it, stands in parentheses and may
/// contain any character: "7 (a b) S 1 …".
fn stat<T: FromStr>(pid: u32, index: usize) -> Option<T> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(index)?.parse().ok()
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
    fn the_processor_time_of_children_counts() {
        let mut child = Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .expect("sh is a program");
        let used = Duration::from_millis(50);
        while processor_time(child.id()) < used {}
        assert!(processor_time(id()) >= used && memory_kb(id()).is_some_and(|kb| kb > 100));
        child.kill().expect("it runs");
        child.wait().expect("it has ended");
        assert!(processor_time(id()) >= used, "ended children count too");
    }

    #[test]
    fn a_process_that_does_not_exist_gets_no_signal() {
        assert!(!send(u32::MAX, Signal::Cont) && !send(0, Signal::Cont));
    }
}
