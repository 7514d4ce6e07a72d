//! What the kernel knows about a process: `proc(5)`.

use std::fs;
use std::io;
use std::time::Duration;

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    /// Resident now (`VmRSS`).
    pub(super) resident: u64,
    /// The most that was ever resident (`VmHWM`).
    pub(super) peak: u64,
}

/// What the kernel had to do for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Faults {
    /// Pages that were there and had to be mapped.
    pub(super) minor: u64,
    /// Pages that had to be read from a disk.
    pub(super) major: u64,
}

/// Memory of the process `pid`.
pub(super) fn memory(pid: u32) -> io::Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name| kilobytes(&status, name).map(|kb| kb * 1024).ok_or(io::ErrorKind::InvalidData);
    Ok(Memory { resident: field("VmRSS:")?, peak: field("VmHWM:")? })
}

/// CPU time of all threads that the process `pid` has now, to the nanosecond.
pub(super) fn cpu(pid: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while the folder is read: ENOENT before its file is opened, ESRCH after.
        let Ok(schedstat) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        let on_cpu = schedstat.split_whitespace().next().and_then(|first| first.parse::<u64>().ok());
        nanoseconds += on_cpu.ok_or(io::ErrorKind::InvalidData)?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Page faults of the process `pid` so far.
pub(super) fn faults(pid: u32) -> io::Result<Faults> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    faults_in(&stat).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Whether the process `pid` is stopped.
pub(super) fn is_stopped(pid: u32) -> io::Result<bool> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    Ok(after_name(&stat).is_some_and(|rest| rest.starts_with('T')))
}

fn faults_in(stat: &str) -> Option<Faults> {
    // Fields 10 and 12 of the line; the state, field 3, comes first here.
    let mut fields = after_name(stat)?.split(' ').skip(7);
    let minor = fields.next()?.parse().ok()?;
    let major = fields.nth(1)?.parse().ok()?;
    Some(Faults { minor, major })
}

/// The name, in parentheses, may itself hold spaces and parentheses: the rest follows the last one.
fn after_name(stat: &str) -> Option<&str> {
    stat.rsplit_once(") ").map(|(_, rest)| rest)
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches("kB").trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Faults, cpu, faults, faults_in, kilobytes, memory};

    #[test]
    fn a_field_of_the_status_is_in_kilobytes() {
        let status = "Name:\tfloor\nVmHWM:\t    4100 kB\nVmRSS:\t     712 kB\n";

        assert_eq!(kilobytes(status, "VmRSS:"), Some(712));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
    }

    #[test]
    fn faults_are_told_from_their_childrens() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 155 12 3 4 0 0 0 0 20 0 1 0 100 1 1 1";

        assert_eq!(faults_in(stat), Some(Faults { minor: 155, major: 3 }));
        assert_eq!(faults_in("7 (a"), None);
    }

    #[test]
    fn this_process_has_memory_faults_and_cpu_time() {
        let pid = std::process::id();

        assert!(memory(pid).unwrap().peak > 0);
        assert!(faults(pid).unwrap().minor > 0);
        assert!(!cpu(pid).unwrap().is_zero());
    }
}
