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

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches("kB").trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{cpu, kilobytes, memory};

    #[test]
    fn a_field_of_the_status_is_in_kilobytes() {
        let status = "Name:\tfloor\nVmHWM:\t    4100 kB\nVmRSS:\t     712 kB\n";

        assert_eq!(kilobytes(status, "VmRSS:"), Some(712));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_has_memory_and_cpu_time() {
        let pid = std::process::id();

        assert!(memory(pid).unwrap().peak > 0);
        assert!(!cpu(pid).unwrap().is_zero());
    }
}
